//go:build unix

package integration

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/spread"
)

// nullVariable is the environment variable that makes this binary a client that discards what it
// receives. Its value is the daemon's address.
const nullVariable = "SPREADD_INTEGRATION_NULL"

func TestMain(m *testing.M) {
	if address, ok := os.LookupEnv(nullVariable); ok {
		if err := nullClient(address); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1) //nolint:forbidigo // It is a program then, not a test.
		}
		return
	}
	m.Run()
	programs.Remove()
}

// benchGroup is the group of BenchmarkLogsub, and lastLine is the last line of a round.
const (
	benchGroup = "weblogs"
	lastLine   = "last\n"
)

// nullClient receives messages until the last one.
func nullClient(address string) error {
	ctx := context.Background()
	c, err := spread.Dial(ctx, address, spread.WithMembership(true))
	if err != nil {
		return err
	}
	if err := c.Join(ctx, benchGroup); err != nil {
		return err
	}
	var m spread.Message
	for {
		ev, err := c.ReceiveInto(ctx, &m)
		if err != nil {
			return err
		}
		if ev, ok := ev.(*spread.Membership); ok && ev.Changed == c.PrivateGroup() {
			fmt.Println("joined") //nolint:forbidigo // The parent process waits for it.
		}
		if ev == spread.Event(&m) && bytes.HasSuffix(m.Payload, []byte(lastLine)) {
			return c.Close()
		}
	}
}

// linesPerRound is the number of lines that each receiver gets in a round.
const linesPerRound = 1_000_000

// BenchmarkLogsub measures how many lines of 200 bytes per second logsub writes to a file, from one
// daemon on this host, with one processor (GOMAXPROCS=1, and taskset if it is installed). For
// comparison it measures a client that discards what it receives. A round runs one after the other.
//
//	go test ./integration -run '^$' -bench Logsub -benchtime 10x
func BenchmarkLogsub(b *testing.B) {
	s := newSite(b, programs.Build(b, "spreadd", "logsub"))
	address := fmt.Sprintf("%d@127.0.0.1", s.port)
	pub, err := spread.Dial(b.Context(), address)
	if err != nil {
		b.Fatal(err)
	}
	defer pub.Kill()
	for _, bm := range []struct {
		name string
		flood
	}{
		{"plain", flood{batch: 1}},
		{"envelopes", flood{batch: 1, envelopes: true}},
		{"envelopes, batches of 16 KiB", flood{batch: 80, envelopes: true}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			s.t = b
			f := &bm.flood
			f.pub, f.epoch = pub, uint64(time.Now().UnixNano())
			var null, logsub rates
			for b.Loop() {
				null.add(s.throwAway(f, address))
				logsub.add(s.writeLines(f))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(ratio(logsub.rate, null.rate), "logsub/null")
			b.ReportMetric(median(logsub.rate), "lines/s")
			b.ReportMetric(1e9/median(logsub.cpu), "lines/core-s")
			b.Logf("a client that discards lines: %.0f lines/s, %.0f ns of processor time per line", median(null.rate), median(null.cpu))
			b.Logf("logsub:                       %.0f lines/s, %.0f ns of processor time per line", median(logsub.rate), median(logsub.cpu))
		})
	}
}

// rates holds the results of rounds: lines per second, and nanoseconds of processor time per line.
type rates struct{ rate, cpu []float64 }

func (r *rates) add(took, cpu time.Duration) {
	r.rate = append(r.rate, linesPerRound/took.Seconds())
	r.cpu = append(r.cpu, float64(cpu)/linesPerRound)
}

// oneCore returns a command that uses one processor.
func oneCore(path string, args ...string) *exec.Cmd {
	if taskset, err := exec.LookPath("taskset"); err == nil {
		args = append([]string{"-c", "0", path}, args...)
		path = taskset
	}
	cmd := exec.CommandContext(context.Background(), path, args...) // The clean-up ends it.
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	return cmd
}

// flood publishes lines, batch of them in a message, with or without envelopes.
type flood struct {
	pub       *spread.Conn
	batch     int
	envelopes bool
	epoch     uint64
}

// round publishes the lines of a round, and then the last line.
func (f *flood) round(t testing.TB) {
	t.Helper()
	f.epoch++ // It is another publisher.
	lines := bytes.Repeat(append(bytes.Repeat([]byte("x"), 199), '\n'), f.batch)
	var b []byte
	for i := range linesPerRound/f.batch + 1 {
		b = b[:0]
		if f.envelopes {
			b = appendEnvelope(b, "bench", f.epoch, uint64(i*f.batch))
		}
		if i < linesPerRound/f.batch {
			b = append(b, lines...)
		} else {
			b = append(b, lastLine...)
		}
		if err := f.pub.Multicast(t.Context(), spread.Reliable, 1, b, benchGroup); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.pub.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// appendEnvelope appends the envelope that logpub puts before lines: publisher, epoch, stream 0 and
// the number of the first line.
func appendEnvelope(b []byte, publisher string, epoch, seq uint64) []byte {
	b = append(b, "\xffLP\x01"...)
	b = append(b, byte(len(publisher)))
	b = append(b, publisher...)
	b = binary.BigEndian.AppendUint64(b, epoch)
	b = binary.BigEndian.AppendUint32(b, 0)
	return binary.BigEndian.AppendUint64(b, seq)
}

// throwAway runs a round with a client that discards lines.
func (s *site) throwAway(f *flood, address string) (took, cpu time.Duration) {
	s.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := oneCore(exe)
	cmd.Env = append(cmd.Env, nullVariable+"="+address)
	p := harness.Start(s.t, cmd, nil)
	p.Expect("joined")
	began := time.Now()
	f.round(s.t)
	if err := p.Wait(); err != nil {
		s.t.Fatalf("the client ends with %v: %s", err, p.Output.String())
	}
	took = time.Since(began)
	return took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// writeLines runs a round with logsub.
func (s *site) writeLines(f *flood) (took, cpu time.Duration) {
	s.t.Helper()
	file := s.path("bench.log")
	cmd := oneCore(s.program("logsub"), "-spread", fmt.Sprintf("%d@127.0.0.1", s.port), "-g", benchGroup, "-o", file)
	p := harness.Start(s.t, cmd, nil)
	p.Expect(joinedGroup)
	began := time.Now()
	f.round(s.t)
	const whole = linesPerRound*200 + int64(len(lastLine))
	harness.Reach(s.t, "bytes in the file", whole, func() int64 { return size(file) })
	took = time.Since(began)
	p.Stop()
	if err := os.Remove(file); err != nil {
		s.t.Fatal(err)
	}
	return took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}
