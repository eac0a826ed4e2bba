package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/daemon/monitor"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/golden"
	"github.com/spreadd/spreadd/internal/testkit/script"
	"github.com/spreadd/spreadd/wire"
)

// TestSessions replays whole sessions with three daemons in two segments. Each runs
// in a bubble, so that "until nothing moves any more" has a meaning and the clock
// stands. The commands:
//
//	start [accelerated]    run the program; the file says AcceleratedRing = true
//	json ROUNDS            run it with -json
//	type [LINE]            what the user types
//	paste LINE,LINE...     the same, all at once
//	end                    the input ends
//	interrupt              the interrupt key
//	report NAME N          a report of a daemon comes; its numbers begin at N
//	stranger               a report of nobody comes
//	conf HASH|broken       what the file says from now on
//	fail send|receive|open something fails from now on
//	wait DURATION
//
// What the program writes stands behind a bar; an underscore is where the
// cursor stays. What it sends stands behind an arrow.
func TestSessions(t *testing.T) {
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sessions (%v)", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".golden"), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			synctest.Test(t, func(t *testing.T) {
				in := &interpreter{hash: 1111}
				in.ctx, in.interrupt = context.WithCancel(t.Context())
				defer in.close()
				if got, err = script.Replay(string(src), in); err != nil {
					t.Fatal(err)
				}
			})
			golden.File(t, file, got)
		})
	}
}

type interpreter struct {
	ctx       context.Context
	interrupt context.CancelFunc
	keyboard  *io.PipeWriter
	screen    testkit.Output

	mu          sync.Mutex
	hash        uint32
	accelerated bool
	failing     map[string]bool
	conn        *fakeConn
}

func (in *interpreter) close() {
	in.interrupt()
	if in.keyboard != nil {
		_ = in.keyboard.Close()
	}
}

func (in *interpreter) fails(what string) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.failing[what] {
		return errors.New("it does not " + what)
	}
	return nil
}

func (in *interpreter) load() (Settings, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.hash == 0 {
		return Settings{}, errors.New("spread.conf:1:1: it is broken")
	}
	return Settings{Hash: in.hash, Accelerated: in.accelerated, Open: func(context.Context) (Conn, error) {
		if err := in.fails("open"); err != nil {
			return nil, err
		}
		in.mu.Lock()
		defer in.mu.Unlock()
		in.conn = &fakeConn{in: in, reports: make(chan monitor.Report, 10), closed: make(chan struct{}), failed: make(chan struct{})}
		return in.conn, nil
	}}, nil
}

// run runs the program beside the script.
func (in *interpreter) run(program func() error) {
	go func() {
		end := "(ended)\n"
		if err := program(); err != nil {
			end = "(ended, " + err.Error() + ")\n"
		}
		_, _ = in.screen.Write([]byte(end))
	}()
}

func (in *interpreter) Run(line string) (string, error) {
	command, rest, _ := strings.Cut(line, " ")
	if err := in.do(command, rest, strings.Fields(rest)); err != nil {
		return "", err
	}
	synctest.Wait()
	var s strings.Builder
	for line := range strings.Lines(in.screen.Take()) {
		if !strings.HasSuffix(line, "\n") {
			line += "_\n"
		}
		if !strings.HasPrefix(line, "->") {
			line = "|" + line
		}
		s.WriteString(line)
	}
	return s.String(), nil
}

func (in *interpreter) do(command, rest string, args []string) error {
	const interval = 10 * time.Second
	switch command {
	case "start":
		in.accelerated = rest == "accelerated"
		keys, keyboard := io.Pipe()
		in.keyboard = keyboard
		in.run(func() error {
			defer func() { _ = keys.Close() }()
			return runMenu(in.ctx, config{Load: in.load, Interval: interval, In: keys, Out: &in.screen})
		})
	case "json":
		rounds, err := strconv.Atoi(rest)
		if err != nil {
			return err
		}
		in.run(func() error {
			return runJSON(in.ctx, config{Load: in.load, Interval: interval, Rounds: rounds, Out: &in.screen})
		})
	case "type":
		_, err := io.WriteString(in.keyboard, rest+"\n")
		return err
	case "paste":
		_, err := io.WriteString(in.keyboard, strings.ReplaceAll(rest, ",", "\n")+"\n")
		return err
	case "end":
		return in.keyboard.Close()
	case "interrupt":
		in.interrupt()
	case "report":
		n, err := strconv.ParseInt(args[1], 10, 16)
		in.conn.report(args[0], int32(n))
		return err
	case "stranger":
		r := monitor.Report{Daemon: -1, From: netip.MustParseAddrPort("10.9.9.9:4000")}
		r.Self = 0xffffffff
		in.conn.reports <- r
	case "conf":
		in.mu.Lock()
		defer in.mu.Unlock()
		n, _ := strconv.ParseUint(rest, 10, 32) // 0 is broken
		in.hash = uint32(n)
	case "fail":
		in.mu.Lock()
		if in.failing == nil {
			in.failing = make(map[string]bool)
		}
		in.failing[rest] = true
		in.mu.Unlock()
		if rest == "receive" {
			close(in.conn.failed)
		}
	case "wait":
		d, err := time.ParseDuration(rest)
		time.Sleep(d) //house:sleep runs in a bubble
		return err
	default:
		return fmt.Errorf("unknown command %q", command)
	}
	return nil
}

// fakeConn shows what is sent.
type fakeConn struct {
	in      *interpreter
	reports chan monitor.Report
	closed  chan struct{}
	failed  chan struct{}
}

func (c *fakeConn) Daemons() []monitor.Daemon {
	return []monitor.Daemon{{Name: "alpha", ID: 1}, {Name: "beta", ID: 2}, {Name: "gamma", ID: 3, Segment: 1}}
}

func (c *fakeConn) DaemonName(id wire.DaemonID) string {
	for _, d := range c.Daemons() {
		if d.ID == id {
			return d.Name
		}
	}
	return strconv.Itoa(int(int32(id)))
}

func (c *fakeConn) send(format string, args ...any) error {
	_, _ = fmt.Fprintf(&c.in.screen, "-> "+format+"\n", args...)
	return c.in.fails("send")
}

func (c *fakeConn) names(places []int) (names []string) {
	for _, i := range places {
		names = append(names, c.Daemons()[i].Name)
	}
	return names
}

func (c *fakeConn) Query(daemons ...int) error { return c.send("status %v", c.names(daemons)) }
func (c *fakeConn) Partition(m []int16) error  { return c.send("partition %v", m) }
func (c *fakeConn) Kill(m []int16, daemons ...int) error {
	return c.send("kill %v, partition %v", c.names(daemons), m)
}

func (c *fakeConn) SetWindows(window int16, daemons []wire.Windows) error {
	return c.send("windows %d %v", window, daemons)
}
func (c *fakeConn) Reload() error { return c.send("reload") }

func (c *fakeConn) Receive() (monitor.Report, error) {
	select {
	case r := <-c.reports:
		return r, nil
	case <-c.failed:
		return monitor.Report{}, c.in.fails("receive")
	case <-c.closed:
		return monitor.Report{}, net.ErrClosed
	}
}

func (c *fakeConn) Close() error {
	close(c.closed)
	return nil
}

// report has a daemon report n, n+1, and so on.
func (c *fakeConn) report(name string, n int32) {
	r := monitor.Report{Daemon: slices.IndexFunc(c.Daemons(), func(d monitor.Daemon) bool { return d.Name == name })}
	next := func() int32 { n++; return n - 1 }
	short := func() int16 { return int16(next()) }
	r.Status = wire.Status{
		Seconds: next(), State: 1, GroupState: 1, PacketsSent: next(), PacketsReceived: next(), PacketsDelivered: next(),
		Retrans: next(), RetransDaemon: next(), RetransSegment: next(), RetransAll: next(), Aru: next(), MyAru: next(), HighestSeq: next(),
		TokenHurries: next(), TokenRounds: next(), Self: c.Daemons()[r.Daemon].ID, Leader: 1, MessagesDelivered: next(),
		MembershipChanges: short(), Daemons: short(), Segments: short(), Window: short(), PersonalWindow: short(), AcceleratedWindow: short(),
		Sessions: short(), Groups: short(), MajorVersion: 5, MinorVersion: 0, PatchVersion: 1,
	}
	if c.in.accelerated {
		r.Accelerated = 1
	}
	c.reports <- r
}
