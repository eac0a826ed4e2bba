package spread

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/golden"
	"github.com/spreadd/spreadd/wire"
)

// write returns a daemon that says b, in pieces of at most n bytes, and then
// waits until the client goes.
func write(b []byte, n int) func(net.Conn) {
	return accepted(func(nc net.Conn) {
		for len(b) > 0 {
			k := min(n, len(b))
			if _, err := nc.Write(b[:k]); err != nil {
				return
			}
			b = b[k:]
		}
		discard(nc)
	})
}

// TestStreamCut hands the stream of one client over in pieces of many sizes:
// the events are the same.
func TestStreamCut(t *testing.T) {
	for _, v := range loadVectors(t) {
		if v.Name != "membership-partition-merge" {
			continue
		}
		stream := bytes.Join(v.units(t, "amy", "d2c"), nil)
		want := receiveAll(t, play(t, stream))
		for _, size := range []int{1, 2, 3, 7, 47, 48, 49, 300} {
			got := receiveAll(t, dialPipe(t, func(nc net.Conn) {
				go discard(nc)
				for rest := stream; len(rest) > 0; {
					n := min(size, len(rest))
					if _, err := nc.Write(rest[:n]); err != nil {
						return
					}
					rest = rest[n:]
				}
			}))
			if got != want {
				t.Errorf("in pieces of %d:\n%s\nwant\n%s", size, got, want)
			}
		}
		return
	}
	t.Fatal("vector not found")
}

// TestStreamEnds: whole events before the end of a stream are received, and
// the end inside one is told apart from the end between two.
func TestStreamEnds(t *testing.T) {
	one := data("#joe#alpha", "payload", "g", "h")
	two := append(slices.Clip(one), one...)
	for n := range len(two) + 1 {
		c := dialAccepted(t, func(nc net.Conn) { _, _ = nc.Write(two[:n]) })
		events := 0
		var err error
		for err == nil {
			if _, err = c.Receive(t.Context()); err == nil {
				events++
			}
		}
		if events != n/len(one) {
			t.Errorf("%d bytes: %d events", n, events)
		}
		want := io.ErrUnexpectedEOF
		if n%len(one) == 0 {
			want = io.EOF
		}
		if !errors.Is(err, ErrConnectionClosed) || !errors.Is(err, want) {
			t.Errorf("%d bytes: error %v", n, err)
		}
	}
}

// TestReceiveCancel cancels a receive after every byte of a message.
func TestReceiveCancel(t *testing.T) {
	one := data("#joe#alpha", "payload", "g")
	for name, dial := range map[string]func(testing.TB, func(net.Conn)) dialFunc{"pipe": dialPipe, "unix": dialUnix} {
		t.Run(name, func(t *testing.T) {
			step := make(chan struct{}, len(one)) // over a pipe the daemon writes only while we read
			c := dialThrough(t, dial(t, accepted(func(nc net.Conn) {
				for i := range one {
					if _, ok := <-step; !ok {
						return
					}
					_, _ = nc.Write(one[i : i+1])
				}
				discard(nc)
			})))
			defer close(step)
			for i := range one {
				ctx, cancel := context.WithCancel(t.Context())
				result := make(chan error, 1)
				go func() {
					e, err := c.Receive(ctx)
					if err == nil {
						err = errors.New(describe(e))
					}
					result <- err
				}()
				if i > 0 {
					step <- struct{}{}
				}
				cancel()
				if err := <-result; !errors.Is(err, context.Canceled) {
					t.Fatalf("after %d bytes: %v", i, err)
				}
			}
			step <- struct{}{}
			e, err := c.Receive(t.Context())
			if err != nil || describe(e) != "message AGREED from #joe#alpha to [\"g\"] type 7 \"payload\"\n" {
				t.Errorf("received %v, %v", e, err)
			}
		})
	}
}

// TestReceiveTimeout: a context with a deadline, over and over, loses nothing.
func TestReceiveTimeout(t *testing.T) {
	const messages = 20
	synctest.Test(t, func(t *testing.T) {
		c := dialAccepted(t, func(nc net.Conn) {
			for i := range messages {
				b := data("#joe#alpha", fmt.Sprint(i), "g")
				time.Sleep(700 * time.Millisecond)
				_, _ = nc.Write(b[:50])
				time.Sleep(700 * time.Millisecond)
				_, _ = nc.Write(b[50:])
			}
			discard(nc)
		})
		got, timeouts := 0, 0
		for got < messages {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			e, err := c.Receive(ctx)
			cancel()
			switch {
			case err == nil:
				if m := e.(*Message); string(m.Payload) != fmt.Sprint(got) {
					t.Fatalf("message %d is %s", got, m.Payload)
				}
				got++
			case errors.Is(err, context.DeadlineExceeded):
				timeouts++
			default:
				t.Fatal(err)
			}
		}
		if timeouts == 0 {
			t.Error("no timeout")
		}
	})
}

// TestReceiveConcurrent: each event goes to one receiver, also while contexts
// come and go.
func TestReceiveConcurrent(t *testing.T) {
	const receivers, messages = 6, 3000
	var stream []byte
	for i := range messages {
		stream = append(stream, data("#joe#alpha", fmt.Sprint(i), "g")...)
	}
	c := dialThrough(t, dialUnix(t, write(stream, 1000)))
	var mu sync.Mutex
	seen := make(map[string]int)
	all, done := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for r := range receivers {
		wg.Go(func() {
			for all.Err() == nil {
				ctx, cancel := context.WithTimeout(all, time.Duration(r+1)*100*time.Microsecond)
				e, err := c.Receive(ctx)
				cancel()
				if err != nil {
					if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
						t.Error(err)
						return
					}
					continue
				}
				mu.Lock()
				seen[string(e.(*Message).Payload)]++
				if len(seen) == messages {
					done()
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	done()
	for payload, n := range seen {
		if n != 1 {
			t.Errorf("message %s received %d times", payload, n)
		}
	}
	if len(seen) != messages {
		t.Errorf("%d messages received", len(seen))
	}
}

// TestPayloadsStay: what Receive returned is never written to again, and what
// ReceiveInto returned is until the next call.
func TestPayloadsStay(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var stream []byte
	var want []string
	for i := range 2000 {
		size := random.IntN(300)
		if i%100 == 99 {
			size = random.IntN(MaxPayload(1))
		}
		want = append(want, strings.Repeat(string(rune('a'+i%26)), size))
		stream = append(stream, data("#joe#alpha", want[i], "g")...)
	}
	c := dialThrough(t, dialUnix(t, write(stream, 100_000)))
	got := make([]*Message, len(want))
	var reused Message
	for i := range want {
		if i%3 == 0 {
			if e, err := c.ReceiveInto(t.Context(), &reused); err != nil || e != Event(&reused) {
				t.Fatal(e, err)
			}
			if string(reused.Payload) != want[i] {
				t.Fatalf("message %d differs", i)
			}
			got[i] = reused.Clone()
			continue
		}
		e, err := c.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got[i] = e.(*Message)
	}
	for i, m := range got {
		if string(m.Payload) != want[i] || m.Sender != "#joe#alpha" || m.Groups[0] != "g" {
			t.Fatalf("message %d has changed", i)
		}
		if i%3 != 0 {
			_ = append(m.Payload, "overrun"...) // must not reach the next message
		}
	}
	for i, m := range got {
		if string(m.Payload) != want[i] {
			t.Fatalf("message %d was overrun", i)
		}
	}
}

func TestReadyAndPoll(t *testing.T) {
	one := data("#joe#alpha", "payload", "g")
	more := make(chan struct{})
	c := dialThrough(t, dialUnix(t, accepted(func(nc net.Conn) {
		_, _ = nc.Write(append(append(slices.Clip(one), one...), one[:60]...))
		<-more
		_, _ = nc.Write(one[60:])
		discard(nc)
	})))
	if c.Ready() {
		t.Error("ready before anything was read")
	}
	for {
		n, err := c.Poll()
		if err != nil {
			t.Fatal(err)
		}
		if n == 2*len(one)+60 {
			break
		}
		runtime.Gosched()
	}
	for i, want := range []bool{true, true, false} {
		if c.Ready() != want {
			t.Fatalf("after %d events: ready %t", i, !want)
		}
		if want {
			if _, err := c.Receive(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(more)
	if _, err := c.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestLengthsNotTrusted: a header costs memory only as far as bytes follow it.
func TestLengthsNotTrusted(t *testing.T) {
	h := wire.Header{
		Type: wire.RegularMembership | wire.CausedByNetwork, Sender: wire.MakeName("g"),
		NumGroups: wire.MaxMembers, Hint: wire.MakeHint(0), DataLen: wire.MaxDeliveredData,
	}
	synctest.Test(t, func(t *testing.T) {
		c := dialAccepted(t, func(nc net.Conn) {
			_, _ = nc.Write(append(h.Append(nil), make([]byte, 400_000)...))
			discard(nc)
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Receive(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if n := cap(c.in.buf); n > 1_100_000 {
			t.Errorf("a buffer of %d bytes for 400048", n)
		}
	})
}

// TestLargeMembership: a view of many members arrives whole, and its memory is
// let go.
func TestLargeMembership(t *testing.T) {
	const members = 20_000
	m := wire.Message{Header: wire.Header{
		Type: wire.RegularMembership | wire.CausedByNetwork, Sender: wire.MakeName("g"), Hint: wire.MakeHint(0),
	}}
	names := make([]wire.Name, members)
	for i := range names {
		names[i] = wire.MakeName(fmt.Sprintf("#m%d#alpha", i))
		m.GroupFields = append(m.GroupFields, names[i][:]...)
	}
	p := wire.Membership{NumSets: 1, Sets: wire.AppendSet(nil, wire.LittleEndian, names...)}
	m.Payload = p.Append(nil, m.Type)
	stream := append(m.Append(nil), data("#joe#alpha", "after", "g")...)
	c := dialThrough(t, dialUnix(t, write(stream, len(stream))))
	e, err := c.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	view := e.(*Membership)
	if len(view.Members) != members || len(view.Sets[0].Members) != members || view.Members[members-1] != "#m19999#alpha" {
		t.Errorf("%d members", len(view.Members))
	}
	if _, err := c.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := c.Receive(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if n := cap(c.in.buf); n > trustedSize {
		t.Errorf("still a buffer of %d bytes", n)
	}
}

// TestIllegalFromDaemon: a bad membership message is an error and no more; a
// bad length is the end.
func TestIllegalFromDaemon(t *testing.T) {
	bad := wire.Message{
		Header:  wire.Header{Type: wire.Transitional, Sender: wire.MakeName("g"), Hint: wire.MakeHint(0)},
		Payload: make([]byte, 13),
	}
	negative := wire.Header{Type: wire.Agreed, Sender: wire.MakeName("#joe#alpha"), NumGroups: -1}
	stream := append(bad.Append(nil), data("#joe#alpha", "good", "g")...)
	stream = append(stream, negative.Append(nil)...)
	stream = append(stream, data("#joe#alpha", "never seen", "g")...)
	c := dialAccepted(t, func(nc net.Conn) { _, _ = nc.Write(stream) })
	var got []string
	for e, err := range c.Events(t.Context()) {
		if err != nil {
			got = append(got, CodeOf(err).Name())
			continue
		}
		got = append(got, string(e.(*Message).Payload))
	}
	if s := strings.Join(got, ", "); s != "ILLEGAL_MESSAGE, good, ILLEGAL_MESSAGE" {
		t.Errorf("events: %s", s)
	}
	if _, err := c.Receive(t.Context()); CodeOf(err) != ErrNetErrorOnSession {
		t.Errorf("then: %v", err)
	}
}

// TestRejectedAndUnknown covers what no capture has (client-protocol §9.3).
func TestRejectedAndUnknown(t *testing.T) {
	message := func(order wire.ByteOrder, typ, old wire.Type, payload string, groups ...string) []byte {
		m := wire.Message{
			Header:  wire.Header{ByteOrder: order, Type: typ, Sender: wire.MakeName(alice), Hint: wire.MakeHint(9)},
			OldType: old, Payload: []byte(payload),
		}
		for _, g := range groups {
			n := wire.MakeName(g)
			m.GroupFields = append(m.GroupFields, n[:]...)
		}
		return m.Append(nil)
	}
	var stream []byte
	for _, order := range []wire.ByteOrder{wire.LittleEndian, wire.BigEndian} {
		stream = append(stream, message(order, wire.Reject, wire.CausedByJoin, "", "g", alice)...)
		stream = append(stream, message(order, wire.Reject, wire.CausedByLeave, "", "g", alice)...)
		stream = append(stream, message(order, wire.Reject|wire.SelfDiscard, wire.Safe|wire.SelfDiscard, "text", "g", "h", alice)...)
		stream = append(stream, message(order, wire.Join, 0, "x", "g")...)
		stream = append(stream, message(order, wire.CausedByJoin, 0, "", "g")...)
		stream = append(stream, message(order, 0, 0, "")...)
	}
	got := receiveAll(t, dialPipe(t, accepted(func(nc net.Conn) { _, _ = nc.Write(stream) })))
	golden.File(t, filepath.Join("testdata", "rejected.golden"), got)
}

// TestInternerBounded: names that never come twice do not pile up.
func TestInternerBounded(t *testing.T) {
	in := newInterner()
	for i := range 10 * maxInterned {
		n := wire.MakeName(fmt.Sprint("name", i))
		if in.name(&n) != n.String() {
			t.Fatal("wrong name")
		}
		fields := append(n[:], n[:]...)
		if l := in.list(fields); len(l) != 2 || l[1] != n.String() {
			t.Fatal("wrong list")
		}
		if len(in.names) > maxInterned || len(in.lists) > maxInterned {
			t.Fatalf("%d names, %d lists", len(in.names), len(in.lists))
		}
	}
}
