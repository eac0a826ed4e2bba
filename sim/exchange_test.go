package sim

import (
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// TestExchangeEnds: daemons that disagree on whose tables are equal come together all the same. Two
// daemons with equal tables meet a third one, at which the state message of the first arrives as one
// that speaks for itself only. So for the third nobody speaks for the second, and the exchange does
// not end there, while it does for the others.
func TestExchangeEnds(t *testing.T) {
	w := quiet(Options{Seed: 1, Layout: []int{2, 1}, Early: true, Refuse: true})
	changed := 0
	w.tamper = &tamper{send: func(h *host, to topology.Target, b *[]byte) bool {
		var p wire.Packet
		var m wire.Message
		var s wire.GroupState
		if to.Token || to == topology.ToSegment(0) || changed > 0 || p.Decode(*b) != nil || p.Type.Kind() != wire.KindData || p.CheckFragments() != nil {
			return true
		}
		all := p.Fragments()
		f, _ := all.Next()
		if _, err := m.Decode(f.Data); err != nil || m.Type&wire.Groups == 0 || s.Decode(&m) != nil || s.NumSynced != 2 {
			return true
		}
		changed++
		m.Sender = wire.StateSender(m.ByteOrder, h.d.Name, 1)
		m.Payload = wire.AppendStateHeader(nil, m.ByteOrder, s.Membership, []wire.DaemonID{h.d.ID})
		p.Body = m.Append(nil)
		p.First.Len = int16(len(p.Body))
		*b = p.Append(nil)
		return true
	}}
	copy(w.component, []int{0, 0, 1})
	for _, h := range w.hosts {
		h.start()
	}
	w.until(w.now.Add(10*time.Second), nil)
	w.unite()
	from := w.now
	if !w.until(w.now.Add(2*time.Minute), func() bool { return changed > 0 && w.united() }) {
		t.Fatalf("after %d changed messages: %s", changed, w.states())
	}
	t.Logf("all together after %v", w.now.Sub(from))
}
