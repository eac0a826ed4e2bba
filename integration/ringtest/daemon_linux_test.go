package ringtest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/eventlog"
	"github.com/spreadd/spreadd/daemon/transport/transporttest"
	"github.com/spreadd/spreadd/internal/spreadconf"
)

// faults are what happens to datagrams. It travels to a faulty daemon as JSON.
type faults = transporttest.Options

// faultsVariable makes this binary a daemon with a bad network; its value is the faults.
const faultsVariable = "SPREADD_RINGTEST_FAULTS"

func TestMain(m *testing.M) {
	if v, ok := os.LookupEnv(faultsVariable); ok {
		if err := faultyDaemon(v, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1) //nolint:forbidigo // it is a program then, and not a test
		}
		return
	}
	flag.Parse()
	// Rings wait for their timers rather than work: more of them than there are processors can run
	// at a time.
	if err := flag.Set("test.parallel", strconv.Itoa(max(runtime.GOMAXPROCS(0), 16))); err != nil {
		panic(err)
	}
	m.Run()
}

// faultyDaemon is spreadd with the arguments -n NAME -c FILE, but for faults in what arrives.
func faultyDaemon(encoded string, args []string) error {
	var f faults
	if err := json.Unmarshal([]byte(encoded), &f); err != nil {
		return err
	}
	if len(args) < 4 || args[0] != "-n" || args[2] != "-c" {
		return fmt.Errorf("arguments %q, want -n NAME -c FILE", args)
	}
	env := spreadconf.SystemEnvironment()
	c, err := spreadconf.Load(args[3], env)
	if err != nil {
		return err
	}
	self, err := c.Self(env, args[1])
	if err != nil {
		return err
	}
	cfg, err := daemon.FromConf(c, self, daemon.Access{})
	if err != nil {
		return err
	}
	cfg.SocketDir = ""
	cfg.Ring.GSO = true // as spreadd has it
	cfg.Log = slog.New(eventlog.New(os.Stdout, eventlog.Options{Level: slog.LevelDebug, Stamp: "%H:%M:%S", Precise: true}))
	filter := transporttest.New(f)
	cfg.Ring.Filter = filter
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	d, err := daemon.New(cfg)
	if err != nil {
		return err
	}
	if err := d.Listen(ctx); err != nil {
		return err
	}
	err = d.Run(ctx)
	cfg.Log.Info("faults made", slog.Any("counts", filter.Counts()))
	return err
}

// timeouts are the shortest that daemons bear which share a few cores with others; LookupTimeout is
// how long rings take to find one another.
const timeouts = `
TokenTimeout = 800
HurryTimeout = 250
AliveTimeout = 100
JoinTimeout = 150
RepTimeout = 350
SegTimeout = 250
GatherTimeout = 800
FormTimeout = 800
LookupTimeout = 2000
`

// conf is the spread.conf of a ring: a segment for each network, or for each host, which then talk
// by unicast alone.
func conf(n *network, s setting) string {
	var b strings.Builder
	// Root stays root, or the parent's death would not be the daemon's.
	fmt.Fprintf(&b, "EventPriority = pDEBUG\nEventTimeStamp = \"%%H:%%M:%%S\"\nEventPreciseTimeStamp\nDaemonUser = root\nDaemonGroup = root\nAcceleratedRing = %v\n", s.accelerated)
	b.WriteString(cmp.Or(s.timers, timeouts))
	var last *host
	for _, h := range n.hosts {
		if slices.Contains(s.out, h.number) {
			continue
		}
		if last == nil || s.way == unicast || last.net != h.net {
			if last != nil {
				b.WriteString("}\n")
			}
			fmt.Fprintf(&b, "Spread_Segment %s {\n", s.segment(h))
		}
		addr := s.addr(h)
		fmt.Fprintf(&b, "\td%d %v", h.number, addr)
		if s.listed {
			fmt.Fprintf(&b, " { D %v C %v }", addr, addr)
		}
		b.WriteString("\n")
		last = h
	}
	b.WriteString("}\n")
	if len(s.peers) > 0 {
		b.WriteString(peerConf)
	}
	return b.String()
}

// buildDaemon compiles spreadd as it is shipped and returns its path.
func buildDaemon(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "spreadd")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, "github.com/spreadd/spreadd/cmd/spreadd")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building spreadd: %v\n%s", err, out)
	}
	return path
}

// process is a daemon that runs on a host.
type process struct {
	t      testing.TB
	name   string
	peer   bool // it is a C daemon
	cmd    *exec.Cmd
	output lockedBuffer
	done   chan struct{} // closed when it has ended
	err    error         // how, then
}

// start starts a daemon on a host. Its end is that of the test at the latest.
func (r *ring) start(h *host) *process {
	r.t.Helper()
	name := fmt.Sprintf("d%d", h.number)
	args := []string{"-n", name, "-c", r.conf, "-socket-dir", ""}
	p := &process{t: r.t, name: name, done: make(chan struct{})}
	p.cmd = exec.CommandContext(context.Background(), r.binary, args...) // ended by the clean-up
	p.cmd.Env = os.Environ()
	if p.peer = slices.Contains(r.peers, h.number); p.peer {
		peerCommand(p.cmd, filepath.Dir(r.conf), name)
	} else if r.within != nil {
		f := *r.within
		r.started++
		f.Seed += uint64(r.started)
		b, err := json.Marshal(f)
		if err != nil {
			r.t.Fatal(err)
		}
		p.cmd.Path = "/proc/self/exe"
		p.cmd.Env = append(p.cmd.Env, faultsVariable+"="+string(b))
	}
	if prefix := strings.Fields(r.prefix); len(prefix) > 0 {
		p.cmd.Path, p.cmd.Err = exec.LookPath(prefix[0])
		p.cmd.Args = append(prefix, p.cmd.Args...)
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var err error
	h.do(func() { err = p.cmd.Start() })
	if err != nil {
		r.t.Fatalf("starting %s: %v", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	r.t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.done
		if r.t.Failed() {
			r.t.Logf("%s said:\n%s", name, p.output.tail(100))
		}
	})
	return p
}

// kill ends it without warning.
func (p *process) kill() {
	p.t.Helper()
	select {
	case <-p.done:
		p.t.Fatalf("%s has ended by itself: %v", p.name, p.err)
	default:
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop asks it to end, and checks that it does so without complaint.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("%s: %v", p.name, err)
	}
	select {
	case <-p.done:
		if p.err != nil && !p.peer {
			p.t.Errorf("%s ends with %v", p.name, p.err)
		}
	case <-time.After(patience):
		p.t.Errorf("%s does not end", p.name)
	}
}

// lockedBuffer collects what a program prints, to be read while it runs.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

var _ io.Writer = (*lockedBuffer)(nil)

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// tail returns the last lines.
func (l *lockedBuffer) tail(lines int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := strings.SplitAfter(l.b.String(), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}
