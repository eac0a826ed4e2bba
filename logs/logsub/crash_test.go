//go:build unix

package logsub

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// Environment variables that make the test binary a subscriber.
const (
	crashDir    = "LOGSUB_CRASH_DIR"
	crashDaemon = "LOGSUB_CRASH_DAEMON"
	crashHeal   = "LOGSUB_CRASH_HEAL" // heal.address; without it nothing is healed
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		if err := subscribeUntilKilled(dir, os.Getenv(crashDaemon)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1) //nolint:forbidigo // what stands for main
		}
		return
	}
	m.Run()
}

// subscribeUntilKilled writes one file that is cut by size, and many that are opened and closed all the
// time, and compressed.
func subscribeUntilKilled(dir, daemon string) error {
	cfg := Config{
		OpenFiles: 2, StatsInterval: -1,
		Connections: []Connection{{Address: daemon, Logs: []Log{
			{Group: "g", File: filepath.Join(dir, "all"), Envelope: EnvelopeIndex, Keep: Keeping{Size: 5_000}},
			{Group: "g", File: filepath.Join(dir, "%{vhost}/%H-%M"), Envelope: EnvelopeIndex, Keep: Keeping{Compress: archive.Gzip}},
		}}},
	}
	if address := os.Getenv(crashHeal); address != "" {
		cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
		cfg.Heal, cfg.Connections[0].Logs = Heal{Listen: "127.0.0.1:0", Address: address}, healedLogs(dir)
	}
	s, err := New(cfg)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		<-s.Ready()
		if s.healer != nil {
			_, _ = fmt.Fprintln(os.Stdout, s.healer.listener.Addr())
			return
		}
		_, _ = os.Stdout.WriteString("ready\n")
	}()
	return s.Run(ctx)
}

// crashLine is a line of the test: some 100 bytes, with a virtual host and a time that goes on.
func crashLine(n int) string {
	return fmt.Sprintf("www%d %08d [10/Oct/2000:%02d:%02d:00 +0000]%s\n", n/10%3, n, n/18000%24, n/300%60, strings.Repeat("x", n%97))
}

// TestCrash kills a subscriber at random moments, a few hundred times, while lines come, some of them again. Then all that
// was ever sent comes again: each line must be there once. So what was written is known to be, and what was not written is not
// thought to be, and files, their indexes, parts and compressed ones are whole.
func TestCrash(t *testing.T) {
	rounds := 80
	if testing.Short() {
		rounds = 50
	}
	for i := range 4 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			crash(t, rounds, rand.New(rand.NewPCG(uint64(i), uint64(time.Now().UnixNano()))))
		})
	}
}

// crashPublisher sends lines with envelopes.
type crashPublisher struct {
	mu   sync.Mutex
	conn *spread.Conn
	next int
}

func (p *crashPublisher) send(ctx context.Context, n int) error {
	return p.conn.Multicast(ctx, spread.Agreed, 0, []byte(sealed("web"+strconv.Itoa(n%3), uint64(n/5000), 0, uint64(n%5000/3), crashLine(n))), "g")
}

// some sends a few lines more, and now and then some again.
func (p *crashPublisher) some(ctx context.Context, rng *rand.Rand) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	const lines = 5
	from := p.next
	if rng.IntN(20) == 0 {
		from = max(0, from-rng.IntN(200))
	}
	for n := from; n < p.next+lines; n++ {
		if err := p.send(ctx, n); err != nil {
			return err
		}
	}
	p.next += lines
	return p.conn.Flush(ctx)
}

func crash(t *testing.T, rounds int, rng *rand.Rand) {
	t.Helper()
	d := spreadtest.New("alpha")
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = d.Serve(l) // until it is closed
	}()
	defer func() {
		_ = l.Close()
		<-served
		d.Close()
	}()
	conn, err := spread.Dial(t.Context(), "4803", spread.WithDialer(d.Dial))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Kill()
	pub := &crashPublisher{conn: conn}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	start := func() (cmd *exec.Cmd, out *bufio.Reader, stderr *bytes.Buffer) {
		cmd = exec.CommandContext(t.Context(), exe)
		cmd.Env = append(os.Environ(), crashDir+"="+dir, crashDaemon+"="+fmt.Sprintf("%d@127.0.0.1", l.Addr().(*net.TCPAddr).Port), "GORACE=atexit_sleep_ms=0")
		stderr = &bytes.Buffer{}
		cmd.Stderr = stderr
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, bufio.NewReader(pipe), stderr
	}
	stop := make(chan struct{})
	var sending sync.WaitGroup
	seed := rng.Uint64()
	sending.Go(func() {
		own := rand.New(rand.NewPCG(seed, 1))
		pause := time.NewTicker(time.Millisecond)
		defer pause.Stop()
		for {
			select {
			case <-stop:
				return
			case <-pause.C:
			}
			if err := pub.some(t.Context(), own); err != nil {
				t.Errorf("sending: %v", err)
				return
			}
		}
	})
	for round := range rounds {
		cmd, out, stderr := start()
		if rng.IntN(8) > 0 { // else it may be killed while it starts
			if line, err := out.ReadString('\n'); line != "ready\n" {
				_ = cmd.Wait()
				t.Fatalf("round %d: it says %q, %v: %s", round, line, err, stderr)
			}
		}
		<-time.After(time.Duration(rng.IntN(20_000)) * time.Microsecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	close(stop)
	sending.Wait()
	_, before := crashCount(t, dir, false)

	// What was sent comes again, and then a line that is new, so that it shows when all has come.
	pub.next++
	cmd, out, stderr := start()
	if line, err := out.ReadString('\n'); line != "ready\n" {
		t.Fatalf("it says %q, %v: %s", line, err, stderr)
	}
	for n := range pub.next {
		if err := pub.send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := crashLine(pub.next - 1)
	testkit.Wait(t, "the last line", func() bool {
		b, err := os.ReadFile(filepath.Join(dir, "all"))
		return err == nil && bytes.Contains(b, []byte(last)) || slices.ContainsFunc(parts(dir), func(p string) bool {
			b, err := os.ReadFile(p)
			return err == nil && bytes.Contains(b, []byte(last))
		})
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("it ends with %v: %s", err, stderr)
	}
	all, named := crashCount(t, dir, true)
	for n := range pub.next {
		if all[n] != 1 || named[n] != 1 {
			t.Errorf("line %d of %d is there %d and %d times", n, pub.next, all[n], named[n])
			break
		}
	}
	if len(all) != pub.next || len(named) != pub.next {
		t.Errorf("%d and %d lines, sent were %d", len(all), len(named), pub.next)
	}
	sum := verify(t, dir)
	if sum.Lines != int64(2*pub.next) || sum.Unnamed != 0 || sum.Damaged != 0 || len(sum.Missing) != 0 {
		t.Errorf("the indexes say %+v", sum)
	}
	t.Logf("killed %d times: %d lines sent, %d written before the end, in %d files", rounds, pub.next, len(before), sum.Files)
}

func parts(dir string) []string {
	list, _ := filepath.Glob(filepath.Join(dir, "all.*"))
	return list
}

// crashCount counts each line: in the one log, and in those of the virtual hosts.
func crashCount(t *testing.T, dir string, strict bool) (all, named map[int]int) {
	t.Helper()
	all, named = make(map[int]int), make(map[int]int)
	for name, text := range contents(t, dir) {
		count := named
		if strings.HasPrefix(filepath.Base(name), ".") {
			continue
		}
		if strings.HasPrefix(name, "/all") {
			count = all
		}
		for line := range strings.Lines(text) {
			_, rest, ok := strings.Cut(line, "www")
			if ok {
				_, rest, _ = strings.Cut(rest, " ")
			} else {
				rest = line
			}
			number, _, _ := strings.Cut(rest, " ")
			n, err := strconv.Atoi(number)
			if err != nil || !strings.HasSuffix(crashLine(n), line) {
				if strict { // else it is what a kill has torn
					t.Errorf("%s has %q", name, line)
				}
				continue
			}
			count[n]++
		}
	}
	return all, named
}
