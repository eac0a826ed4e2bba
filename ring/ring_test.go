package ring

import (
	"testing"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

func message(s Service, size int) Message {
	return Message{Service: s, Data: buf.Slice{Block: buf.Wrap(make([]byte, size)), Hi: size}}
}

func TestOrderIsSubmission(t *testing.T) {
	r := New(Config{Self: 7})
	var out Effects
	r.Install(1, Configuration{Members: []wire.DaemonID{7}}, &out)
	var want []*buf.Block
	for _, s := range []Service{Safe, Reliable, FIFO, Agreed, Safe, Reliable} {
		m := message(s, 10)
		want = append(want, m.Data.Block)
		if !r.Submit(1, m, &out) {
			t.Fatalf("%v message refused", s)
		}
	}
	if len(out.Deliveries) != len(want) {
		t.Fatalf("%d deliveries, want %d", len(out.Deliveries), len(want))
	}
	for i, d := range out.Deliveries {
		if d.Data.Block != want[i] {
			t.Errorf("delivery %d is another message", i)
		}
	}
}

// TestSequenceNumbers: each packet has one; a message is cut at 1432 bytes
// (ring-protocol §7.1).
func TestSequenceNumbers(t *testing.T) {
	r := New(Config{Self: 7})
	var out Effects
	r.Install(1, Configuration{Members: []wire.DaemonID{7}}, &out)
	var want int64
	for _, tt := range []struct {
		size    int
		packets int64
	}{{48, 1}, {FragmentBytes, 1}, {FragmentBytes + 1, 2}, {143199, 100}} {
		r.Submit(1, message(Agreed, tt.size), &out)
		want += tt.packets
		if got := r.Stats().HighestSeq; got != want {
			t.Errorf("after %d bytes the highest number is %d, want %d", tt.size, got, want)
		}
	}
	r.Install(1, Configuration{Members: []wire.DaemonID{7}}, &out)
	if st := r.Stats(); st.HighestSeq != 0 || st.PacketsSent != want {
		t.Errorf("a new configuration starts at %d with %d packets sent, want 0 and %d", st.HighestSeq, st.PacketsSent, want)
	}
}

func TestQueueBound(t *testing.T) {
	r := New(Config{Self: 7})
	var out Effects
	for range DefaultQueueMessages {
		if !r.Accepting() || !r.Submit(1, message(FIFO, 1), &out) {
			t.Fatal("refused below the bound")
		}
	}
	last := message(FIFO, 1)
	if r.Accepting() || r.Submit(1, last, &out) {
		t.Error("accepted at the bound")
	}
	if last.Data.Block.Refs() != 1 {
		t.Error("a refused message's block was kept")
	}
	r.Install(1, Configuration{Members: []wire.DaemonID{7}}, &out)
	if len(out.Deliveries) != DefaultQueueMessages || len(out.Releases) != DefaultQueueMessages {
		t.Errorf("%d deliveries, %d releases, want %d of each", len(out.Deliveries), len(out.Releases), DefaultQueueMessages)
	}
}

func TestForeignConfiguration(t *testing.T) {
	for _, members := range [][]wire.DaemonID{nil, {8}, {7, 8}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("configuration %v was installed", members)
				}
			}()
			New(Config{Self: 7}).Install(1, Configuration{Members: members}, &Effects{})
		}()
	}
}
