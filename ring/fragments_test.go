package ring

import (
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// piece is one fragment of a message of A's, in a packet.
type piece struct {
	index int16
	data  []byte
}

// cutUp cuts a message as its maker does.
func cutUp(m []byte) (list []piece) {
	for i := int16(1); ; i++ {
		if len(m) <= FragmentBytes {
			return append(list, piece{-i, m})
		}
		list = append(list, piece{i, m[:FragmentBytes]})
		m = m[FragmentBytes:]
	}
}

// TestFragmentsOutOfStep: a message whose fragments are out of step, or whose header disagrees with
// its content, is dropped and counted, and the next one is delivered (ring-protocol §17.6, §25).
func TestFragmentsOutOfStep(t *testing.T) {
	long := text("A", FIFO, strings.Repeat("l", 3000)).Data.Bytes()
	short := text("A", FIFO, "short").Data.Bytes()
	l := cutUp(long)
	lying := slices.Clone(long)
	lying[44]++ // data_len
	liar := cutUp(lying)
	short2 := slices.Clone(short)
	short2[44]--
	huge := slices.Clone(long)
	huge[46] = 0x7f
	negative := slices.Clone(long)
	negative[47] = 0xff
	for _, tt := range []struct {
		name    string
		pieces  []piece
		want    []string // first letters of what is delivered
		dropped [2]int64 // FragmentOutOfStep, MessageMalformed
	}{
		{"in step", l, []string{"l"}, [2]int64{}},
		{"twice", slices.Concat(l, l), []string{"l", "l"}, [2]int64{}},
		{"no beginning", slices.Concat(l[1:], l), []string{"l"}, [2]int64{2, 0}},
		{"no middle", slices.Concat(l[:1], l[2:], l), []string{"l"}, [2]int64{1, 0}},
		{"no end", slices.Concat(l[:2], l), []string{"l"}, [2]int64{1, 0}},
		{"a whole one between", slices.Concat(l[:2], []piece{{-1, short}}, l[2:], l), []string{"s", "l"}, [2]int64{2, 0}},
		{"one byte too few", slices.Concat(liar, l), []string{"l"}, [2]int64{0, 1}},
		{"a whole one with a byte too many", []piece{{-1, short2}, {-1, short}}, []string{"s"}, [2]int64{0, 1}},
		{"too much", slices.Concat([]piece{l[0], l[1], {3, l[1].data}, {-4, short}}, l), []string{"l"}, [2]int64{1, 1}},
		{"a huge one", slices.Concat(cutUp(huge)[:1], l), []string{"l"}, [2]int64{0, 1}},
		{"a negative one", slices.Concat(cutUp(negative)[:1], l), []string{"l"}, [2]int64{0, 1}},
		{"no room for a header", slices.Concat([]piece{{1, short[:40]}}, l), []string{"l"}, [2]int64{0, 1}},
		{"an empty fragment", slices.Concat([]piece{{-1, nil}}, l), []string{"l"}, [2]int64{0, 1}},
	} {
		b := newBench(t, Config{})
		for i, f := range tt.pieces {
			p := b.packet(int32(i + 1))
			p.First, p.Body = wire.FragmentHeader{Index: f.index, Len: int16(len(f.data))}, f.data
			if v := b.give(p); v != Stored {
				t.Fatalf("%s: %v", tt.name, v)
			}
		}
		var got []string
		for _, e := range b.out.Events {
			data := e.Message.Data.Bytes()
			got = append(got, textOf(data)[:1])
			if len(data) != len(short) && !slices.Equal(data, long) {
				t.Errorf("%s: a message of %d bytes was delivered that is not the one sent", tt.name, len(data))
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: delivered %q, want %q", tt.name, got, tt.want)
		}
		c := b.r.Counts()
		if d := [2]int64{c[FragmentOutOfStep], c[MessageMalformed]}; d != tt.dropped {
			t.Errorf("%s: dropped %v, want %v", tt.name, d, tt.dropped)
		}
		for range 3 {
			b.take(b.token())
		}
		b.done()
		if n := b.b.pool.Out(); n != 0 {
			t.Errorf("%s: %d blocks are not released", tt.name, n)
		}
	}
}

// TestOwnMessageIsNotCopied: the fragments of a local session's message are next to each other in
// its block, and so is what is delivered of them.
func TestOwnMessageIsNotCopied(t *testing.T) {
	n := newNetwork(t, Config{}, []string{"A", "B"})
	n.form(n.nodes...)
	a := n.nodes[0]
	m := text("A", FIFO, strings.Repeat("x", 5000))
	if !a.ring.Submit(n.now, m, &a.out) {
		t.Fatal("refused")
	}
	n.done(a)
	n.drain()
	n.handleToken(n.nodes[1])
	var tok wire.Token
	if err := tok.Decode(a.tokens[0]); err != nil {
		t.Fatal(err)
	}
	a.ring.HandleToken(n.now, &tok, &a.out)
	if len(a.out.Events) != 1 || a.out.Events[0].Message.Data != m.Data {
		t.Errorf("delivered %+v, want the slice that was submitted", a.out.Events)
	}
	for i := range 4 {
		if d := &a.out.Sends[i]; &d.Body[0] != &m.Data.Bytes()[i*FragmentBytes] {
			t.Errorf("packet %d is a copy", i+1)
		}
	}
}

// TestSubmitRefuses: a message that needs a fragment number 101, or has a wrong length, does not
// enter the ring (ring-protocol §7.6, §25).
func TestSubmitRefuses(t *testing.T) {
	fits := text("A", FIFO, strings.Repeat("x", wire.MaxMessage-textLen))
	long := text("A", FIFO, strings.Repeat("x", wire.MaxMessage-textLen+1))
	lies := text("A", FIFO, "x")
	lies.Data.Bytes()[44]++
	for _, members := range [][]string{{"A"}, {"A", "B"}} {
		for _, tt := range []struct {
			name string
			m    Message
			ok   bool
		}{
			{"the longest", fits, true},
			{"a byte more", long, false},
			{"a wrong data_len", lies, false},
			{"no service", Message{Data: fits.Data}, false},
			{"an unknown service", Message{Service: Safe + 1, Data: fits.Data}, false},
			{"nothing", Message{Service: Safe, Data: buf.Slice{Block: buf.Wrap(nil)}}, false},
		} {
			n := newNetwork(t, Config{PersonalWindow: 100}, members)
			n.form(n.nodes...)
			a := n.nodes[0]
			if !a.ring.Submit(n.now, tt.m, &a.out) {
				t.Errorf("%s: a full queue was reported", tt.name)
			}
			n.done(a)
			n.runIdle(20)
			if delivered := len(a.texts) == 1; delivered != tt.ok || (a.ring.Counts()[MessageRefused] == 0) != tt.ok {
				t.Errorf("%s in a ring of %d: delivered: %v", tt.name, len(members), delivered)
			}
			if tt.ok && len(members) > 1 && a.ring.Status().PacketsSent != wire.MaxFragments {
				t.Errorf("%d packets", a.ring.Status().PacketsSent)
			}
		}
	}
}
