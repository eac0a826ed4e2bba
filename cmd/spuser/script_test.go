package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/golden"
	"github.com/spreadd/spreadd/internal/testkit/script"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// TestSessions replays whole sessions. Each runs in a bubble, so that "until
// nothing moves any more" has a meaning and the clock stands. The commands:
//
//	start [FLAG...]        run spuser; its daemon is alpha, in memory
//	fake [FLAG...]         run spuser with a connection that only shows events
//	type [LINE]            what the user types
//	fill N                 the user types a line of N bytes, newline included
//	end                    the input ends
//	interrupt              the interrupt key
//	event NAME...          the connection delivers; see events
//	fail OPERATION CODE    the connection fails from now on
//	join|leave NAME GROUP  another client does
//	send NAME GROUP TEXT
//	quit|kill NAME
//	drop NAME              the daemon drops a client
//	reject CODE            the daemon rejects connections
//	down                   the daemon is not there
//	deaf                   nobody answers connections
//	wait DURATION
//
// What the program writes stands behind a bar; an underscore is where the
// cursor stays.
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
				in := &interpreter{t: t, daemon: spreadtest.New("alpha"), others: make(map[string]*spread.Conn)}
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
	t         *testing.T
	daemon    *spreadtest.Daemon
	deaf      bool
	fake      *fakeSession // if it is not the daemon
	others    map[string]*spread.Conn
	ctx       context.Context
	interrupt context.CancelFunc

	keyboard *io.PipeWriter
	screen   testkit.Output
}

func (in *interpreter) close() {
	in.interrupt()
	if in.keyboard != nil {
		_ = in.keyboard.Close()
	}
	for _, c := range in.others {
		c.Kill()
	}
	in.daemon.Close()
}

// dial connects to whatever answers.
func (in *interpreter) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if in.deaf {
		near, far := net.Pipe()
		go func() {
			_, _ = io.Copy(io.Discard, far)
			_ = far.Close()
		}()
		return near, nil
	}
	return in.daemon.Dial(ctx, network, address)
}

func (in *interpreter) start(args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	keys, keyboard := io.Pipe()
	in.keyboard = keyboard
	cfg := config{Address: o.Address}
	if o.json {
		cfg.console, cfg.JSON = newPlainConsole(keys, io.Discard), &in.screen
	} else {
		cfg.console = newConsole(keys, &in.screen, "")
	}
	cfg.Dial = func(ctx context.Context) (connection, error) {
		if in.fake != nil {
			return in.fake, nil
		}
		return spread.Dial(ctx, o.Address, append(o.Dialing(), spread.WithDialer(in.dial))...)
	}
	go func() {
		err := interact(in.ctx, cfg)
		_ = keys.Close()
		if err == nil {
			_, _ = in.screen.Write([]byte("(ended)\n"))
			return
		}
		_, _ = in.screen.Write([]byte("(ended, " + spread.CodeOf(err).Name() + ")\n"))
	}()
	return nil
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
		s.WriteString("|" + line)
	}
	return s.String(), nil
}

func (in *interpreter) do(command, rest string, args []string) error {
	switch command {
	case "start":
		return in.start(args)
	case "fake":
		in.fake = &fakeSession{events: make(chan spread.Event, len(events)), failed: make(chan struct{})}
		return in.start(args)
	case "type":
		_, err := io.WriteString(in.keyboard, rest+"\n")
		return err
	case "fill":
		n, err := strconv.Atoi(rest)
		if err == nil {
			_, err = io.WriteString(in.keyboard, strings.Repeat("x", n-1)+"\n")
		}
		return err
	case "end":
		return in.keyboard.Close()
	case "interrupt":
		in.interrupt()
	case "event":
		for _, name := range args {
			e, ok := events[name]
			if !ok {
				return fmt.Errorf("no event %q", name)
			}
			in.fake.events <- e
		}
	case "fail":
		code, err := strconv.Atoi(args[1])
		in.fake.fail(args[0], spread.Code(code))
		return err
	case "drop":
		if !in.daemon.Drop(rest) {
			return errors.New("no such client")
		}
	case "reject":
		code, err := strconv.ParseInt(rest, 10, 8)
		in.daemon.Reject(int8(code))
		return err
	case "down":
		in.daemon.SetDown(true)
	case "deaf":
		in.deaf = true
	case "wait":
		d, err := time.ParseDuration(rest)
		time.Sleep(d) //house:sleep runs in a bubble
		return err
	default:
		return in.other(command, args)
	}
	return nil
}

// other has another client do something.
func (in *interpreter) other(command string, args []string) error {
	name := args[0]
	c := in.others[name]
	if c == nil {
		var err error
		if c, err = spread.Dial(in.t.Context(), "", spread.WithName(name), spread.WithDialer(in.daemon.Dial)); err != nil {
			return err
		}
		in.others[name] = c
	}
	switch command {
	case "join":
		return c.Join(in.t.Context(), args[1])
	case "leave":
		return c.Leave(in.t.Context(), args[1])
	case "send":
		return c.Multicast(in.t.Context(), spread.Agreed, 7, []byte(strings.Join(args[2:], " ")), args[1])
	case "quit":
		return c.Close()
	case "kill":
		c.Kill()
		return nil
	default:
		return fmt.Errorf("unknown command %q", command)
	}
}

// fakeSession shows events that no daemon in memory can cause.
type fakeSession struct {
	events chan spread.Event
	failed chan struct{} // closed when receiving fails

	mu   sync.Mutex
	op   string
	code spread.Code
}

func (s *fakeSession) fail(op string, code spread.Code) {
	s.mu.Lock()
	s.op, s.code = op, code
	s.mu.Unlock()
	if op == "receive" {
		close(s.failed)
	}
}

func (s *fakeSession) err(op string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.op == op {
		return &spread.Error{Op: op, Code: s.code}
	}
	return nil
}

func (s *fakeSession) PrivateGroup() string                { return "#u1#alpha" }
func (s *fakeSession) DaemonVersion() spread.Version       { return spread.LibraryVersion() }
func (s *fakeSession) Join(context.Context, string) error  { return s.err("join") }
func (s *fakeSession) Leave(context.Context, string) error { return s.err("leave") }
func (s *fakeSession) Poll() (int, error)                  { return 48 * len(s.events), s.err("poll") }
func (s *fakeSession) Close() error                        { return s.err("close") }
func (s *fakeSession) Multicast(context.Context, spread.Service, int16, []byte, ...string) error {
	return s.err("multicast")
}

func (s *fakeSession) Receive(ctx context.Context) (spread.Event, error) {
	select {
	case e := <-s.events:
		return e, nil
	case <-s.failed:
		return nil, s.err("receive")
	case <-ctx.Done():
		return nil, &spread.Error{Op: "receive", Err: ctx.Err()}
	}
}

func view(t uint32, index int, changed []spread.VSSet) *spread.Membership {
	m := &spread.Membership{
		Group: "g", Cause: spread.CauseNetwork, Index: index, Sets: changed,
		ID: spread.GroupID{Daemon: 1<<32 - 1358244047, Time: t, Index: 1},
	}
	for _, set := range changed {
		m.Members = append(m.Members, set.Members...)
	}
	slices.Sort(m.Members)
	return m
}

// events are what a fake session can deliver. The first three are the split and
// merge of daemon-operations §9.
var events = map[string]spread.Event{
	"transitional": &spread.Membership{Group: "g", Cause: spread.Transitional, ID: spread.GroupID{Daemon: 1, Time: 2, Index: 3}},
	"split":        view(1795234835, 0, []spread.VSSet{{Own: true, Members: []string{"#u1#alpha"}}}),
	"merge": view(1795234839, 0, []spread.VSSet{
		{Members: []string{"#u2#beta"}},
		{Own: true, Members: []string{"#u1#alpha"}},
	}),
	"unreliable": message(spread.Unreliable, "a"),
	"reliable":   message(spread.Reliable, "b"),
	"fifo":       message(spread.FIFO, "c"),
	"causal":     message(spread.Causal, "d"),
	"agreed":     message(spread.Agreed, "e"),
	"big-endian": &spread.Message{
		Service: spread.Safe, SelfDiscard: true, Sender: "#java#gamma", Groups: []string{"g", "h"}, Type: -3,
		EndianMismatch: true, Payload: []byte("hello\n"),
	},
	"hostile": message(spread.Safe, "tab\t, bell\a, \x1b[2J\x1b]0;title\a, \r, nul\x00, del\x7f, c1 \u009b5n, raw \x9b5n, ümlaut\n, <&>"),
	"rejected": &spread.Rejected{
		Request: spread.RequestJoin, OldType: 0x100,
		Message: spread.Message{Sender: "#u1#alpha", Groups: []string{"secret"}, Type: 0},
	},
	"unknown": &spread.Unknown{Kind: 0x4000, Sender: "#u2#beta", Groups: []string{"g"}, Type: 1, Payload: []byte("what?")},
}

func message(service spread.Service, payload string) *spread.Message {
	return &spread.Message{Service: service, Sender: "#u2#beta", Groups: []string{"g"}, Type: 1, Payload: []byte(payload)}
}
