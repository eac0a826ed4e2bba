package spread

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// stalled is a daemon that lets a client in and then reads nothing until
// resume is closed; said gets what it then heard up to the end.
func stalled(resume <-chan struct{}, said chan<- []byte) func(net.Conn) {
	return accepted(func(nc net.Conn) {
		<-resume
		said <- readUntilKill(nc)
	})
}

// messages decodes what a client said, without a disconnect request.
func messages(t *testing.T, said []byte) []wire.Message {
	t.Helper()
	var all []wire.Message
	for len(said) > 0 {
		var m wire.Message
		n, err := m.Decode(said)
		if err != nil {
			t.Fatalf("after %d messages: %v", len(all), err)
		}
		if m.Type != wire.Kill {
			all = append(all, m)
		}
		said = said[n:]
	}
	return all
}

func TestMulticastChecks(t *testing.T) {
	c := dialAccepted(t, discard)
	many := func(n int) []string { return strings.Fields(strings.Repeat("g ", n)) }
	for _, tt := range []struct {
		name    string
		service Service
		size    int
		groups  []string
		want    Code
	}{
		{"no service", 0, 0, many(1), ErrIllegalService},
		{"self discard alone", SelfDiscard, 0, many(1), ErrIllegalService},
		{"two services", FIFO | Safe, 0, many(1), ErrIllegalService},
		{"a request", Service(wire.Join), 0, many(1), ErrIllegalService},
		{"service and membership", Safe | Service(wire.RegularMembership), 0, many(1), ErrIllegalService},
		{"100 groups", Safe, 0, many(100), 0},
		{"101 groups", Safe, 0, many(101), ErrIllegalGroup},
		{"group of 31", Safe, 0, []string{strings.Repeat("g", 31)}, 0},
		{"group of 32", Safe, 0, []string{strings.Repeat("g", 32)}, ErrIllegalGroup},
		{"empty group", Safe, 0, []string{"a", ""}, ErrIllegalGroup},
		{"NUL", Safe, 0, []string{"a\x00b"}, ErrIllegalGroup},
		{"group with space", Safe, 0, []string{"a b"}, 0}, // not checked by anyone (client-protocol §1.1)
		{"private group", Safe, 0, []string{"#joe#alpha"}, 0},
		{"longest", Safe, 143119, many(1), 0},
		{"one more", Safe, 143120, many(1), ErrMessageTooLong},
		{"longest to 100", Safe, MaxPayload(100), many(100), 0},
		{"one more to 100", Safe, MaxPayload(100) + 1, many(100), ErrMessageTooLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := c.Multicast(t.Context(), tt.service, 1, make([]byte, tt.size), tt.groups...)
			if CodeOf(err) != tt.want || (err == nil) != (tt.want == 0) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
	for _, group := range []string{"", "a b", "#a", strings.Repeat("g", 32), "é"} {
		if err := c.Join(t.Context(), group); !errors.Is(err, ErrIllegalGroup) {
			t.Errorf("join %q: %v", group, err)
		}
		if err := c.Leave(t.Context(), group); !errors.Is(err, ErrIllegalGroup) {
			t.Errorf("leave %q: %v", group, err)
		}
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Errorf("the connection suffered: %v", err)
	}
}

// TestContextDone: a context that is over before the call sends nothing.
func TestContextDone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := dialAccepted(t, discard)
	_, received := c.Receive(ctx)
	for name, err := range map[string]error{
		"join": c.Join(ctx, "g"), "leave": c.Leave(ctx, "g"), "multicast": c.Multicast(ctx, Safe, 0, nil, "g"), "receive": received,
	} {
		if !errors.Is(err, context.Canceled) || CodeOf(err) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if c.out.accepted != 0 {
		t.Errorf("%d bytes accepted", c.out.accepted)
	}
}

// TestBackPressure: a full buffer makes the caller wait, the end of its context
// takes nothing of a message into the stream, and the stream goes on.
func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resume, said := make(chan struct{}), make(chan []byte, 1)
		c := dialThrough(t, dialPipe(t, stalled(resume, said)), WithSendBuffer(10<<10))
		payload := make([]byte, 1000)
		accepted := 0
		var err error
		for err == nil {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			binary.LittleEndian.PutUint64(payload, uint64(accepted))
			if err = c.Multicast(ctx, FIFO, 0, payload, "g"); err == nil {
				accepted++
			}
			cancel()
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if accepted < 9 || accepted > 20 { // two buffers of 9 messages, and no more
			t.Errorf("%d messages accepted", accepted)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("flush: %v", err)
		}

		close(resume)
		for range 50 { // now there is room for all of them, in the end
			binary.LittleEndian.PutUint64(payload, uint64(accepted))
			if err := c.Multicast(t.Context(), FIFO, 0, payload, "g"); err != nil {
				t.Fatal(err)
			}
			accepted++
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		got := messages(t, <-said)
		if len(got) != accepted {
			t.Errorf("%d messages arrived, %d were accepted", len(got), accepted)
		}
		for i, m := range got {
			if n := binary.LittleEndian.Uint64(m.Payload); n != uint64(i) {
				t.Fatalf("message %d is number %d", i, n)
			}
		}
	})
}

// TestLongMessageShortBuffer: one whole message always fits.
func TestLongMessageShortBuffer(t *testing.T) {
	resume, said := make(chan struct{}), make(chan []byte, 1)
	close(resume)
	c := dialThrough(t, dialPipe(t, stalled(resume, said)), WithSendBuffer(0))
	for range 3 {
		if err := c.Multicast(t.Context(), Safe, 0, make([]byte, MaxPayload(1)), "g"); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if got := messages(t, <-said); len(got) != 3 || len(got[2].Payload) != MaxPayload(1) {
		t.Errorf("%d messages arrived", len(got))
	}
}

// TestConcurrentSend: messages stay whole, and in order for each sender.
func TestConcurrentSend(t *testing.T) {
	const senders, each = 8, 500
	resume, said := make(chan struct{}), make(chan []byte, 1)
	close(resume)
	c := dialThrough(t, dialUnix(t, stalled(resume, said)), WithSendBuffer(4<<10))
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				payload := bytes.Repeat([]byte{byte(s)}, 16+i%700)
				binary.LittleEndian.PutUint64(payload[8:], uint64(i))
				if err := c.Multicast(t.Context(), Reliable, int16(s), payload, "a", "b"); err != nil {
					t.Error(err)
				}
				if i%100 == 0 {
					if err := c.Flush(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	var next [senders]uint64
	for _, m := range messages(t, <-said) {
		s := m.Hint.MessType()
		if n := binary.LittleEndian.Uint64(m.Payload[8:]); n != next[s] {
			t.Fatalf("sender %d: number %d, want %d", s, n, next[s])
		}
		next[s]++
		if rest := m.Payload[16:]; len(bytes.Trim(rest, string(rune(s)))) != 0 {
			t.Fatalf("sender %d: mixed payload", s)
		}
	}
	for s, n := range next {
		if n != each {
			t.Errorf("sender %d: %d messages arrived", s, n)
		}
	}
}

// TestIdleSendsAtOnce: nobody has to flush.
func TestIdleSendsAtOnce(t *testing.T) {
	got := make(chan struct{})
	c := dialAccepted(t, func(nc net.Conn) {
		if _, err := io.ReadFull(nc, make([]byte, wire.HeaderLen+wire.NameLen)); err == nil {
			close(got)
		}
		discard(nc)
	})
	if err := c.Join(t.Context(), "g"); err != nil {
		t.Fatal(err)
	}
	<-got
}

func TestCloseEndsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resume, said := make(chan struct{}), make(chan []byte, 1)
		c := dialThrough(t, dialPipe(t, stalled(resume, said)), WithSendBuffer(1))
		errs := make(chan error, 3)
		go func() {
			_, err := c.Receive(t.Context())
			errs <- err
		}()
		go func() {
			for {
				if err := c.Multicast(t.Context(), Safe, 0, nil, "g"); err != nil {
					errs <- err
					return
				}
			}
		}()
		synctest.Wait()
		go func() { errs <- c.Flush(t.Context()) }()
		synctest.Wait()
		closed := make(chan error)
		go func() { closed <- c.Close() }()
		for range 3 {
			if err := <-errs; !errors.Is(err, ErrIllegalSession) || !errors.Is(err, net.ErrClosed) {
				t.Errorf("error %v", err)
			}
		}
		close(resume)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if got := messages(t, <-said); len(got) != 2 {
			t.Errorf("%d messages arrived of 2 that were accepted", len(got))
		}
		if err := c.Close(); err != nil {
			t.Errorf("second close: %v", err)
		}
		_, pollErr := c.Poll()
		for _, err := range []error{c.Join(t.Context(), "g"), c.Flush(t.Context()), pollErr} {
			if !errors.Is(err, ErrIllegalSession) {
				t.Errorf("after close: %v", err)
			}
		}
	})
}

// TestCloseStalled: Close gives up on a daemon that does not read, after 5 s,
// and says what was lost.
func TestCloseStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resume, said := make(chan struct{}), make(chan []byte, 1)
		c := dialThrough(t, dialPipe(t, stalled(resume, said)))
		if err := c.Multicast(t.Context(), Safe, 0, make([]byte, 1000), "g"); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		err := c.Close()
		if !errors.Is(err, ErrConnectionClosed) || !strings.Contains(err.Error(), "1080 bytes") {
			t.Errorf("error %v", err)
		}
		if d := time.Since(start); d < closeTimeout || d > closeTimeout+partingTimeout {
			t.Errorf("Close took %v", d)
		}
		close(resume)
	})
}

// TestClosePartingTimeout: Close does not wait for long for a daemon that took
// everything and keeps the connection.
func TestClosePartingTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dialAccepted(t, discard)
		start := time.Now()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d != partingTimeout {
			t.Errorf("Close took %v", d)
		}
	})
}

// TestCloseUnread: bytes that the daemon sent and nobody received do not keep
// the last messages from arriving.
func TestCloseUnread(t *testing.T) {
	said := make(chan []byte, 1)
	c := dialThrough(t, dialUnix(t, accepted(func(nc net.Conn) {
		for range 100 {
			_, _ = nc.Write(data("#joe#alpha", "unread", "g"))
		}
		said <- readUntilKill(nc)
	})))
	for range 1000 {
		if err := c.Multicast(t.Context(), Safe, 0, make([]byte, 500), "g"); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if got := messages(t, <-said); len(got) != 1000 {
		t.Errorf("%d messages arrived", len(got))
	}
}

func TestKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resume, said := make(chan struct{}), make(chan []byte, 1)
		c := dialThrough(t, dialPipe(t, stalled(resume, said)))
		errs := make(chan error, 2)
		go func() {
			_, err := c.Receive(t.Context())
			errs <- err
		}()
		if err := c.Multicast(t.Context(), Safe, 0, nil, "g"); err != nil {
			t.Fatal(err)
		}
		go func() { errs <- c.Flush(t.Context()) }()
		synctest.Wait()
		c.Kill()
		for range 2 {
			if err := <-errs; !errors.Is(err, ErrIllegalSession) {
				t.Errorf("error %v", err)
			}
		}
		close(resume)
		if b := <-said; len(b) != 0 {
			t.Errorf("%d bytes were sent", len(b))
		}
		if err := c.Close(); err != nil {
			t.Errorf("close after kill: %v", err)
		}
		c.Kill()
	})
}

// TestDaemonGone: "after a socket error the call returns CONNECTION_CLOSED;
// later calls return NET_ERROR_ON_SESSION" (client-protocol §13).
func TestDaemonGone(t *testing.T) {
	for _, first := range []string{"receive", "multicast"} {
		t.Run(first, func(t *testing.T) {
			gone := make(chan struct{})
			c := dialThrough(t, dialUnix(t, accepted(func(nc net.Conn) {
				_ = nc.Close()
				close(gone)
			})))
			<-gone
			calls := map[string]func() error{
				"receive": func() error { _, err := c.Receive(t.Context()); return err },
				"multicast": func() error {
					for {
						if err := c.Multicast(t.Context(), Safe, 0, nil, "g"); err != nil {
							return err
						}
					}
				},
				"flush": func() error { return c.Flush(t.Context()) },
				"join":  func() error { return c.Join(t.Context(), "g") },
			}
			if err := calls[first](); CodeOf(err) != ErrConnectionClosed || errors.Is(err, ErrNetErrorOnSession) {
				t.Errorf("first error: %v", err)
			}
			for name, call := range calls {
				if err := call(); CodeOf(err) != ErrNetErrorOnSession || !errors.Is(err, ErrConnectionClosed) {
					t.Errorf("then %s: %v", name, err)
				}
			}
		})
	}
}
