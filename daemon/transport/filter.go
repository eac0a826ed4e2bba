package transport

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/spreadd/spreadd/internal/buf"
)

// Fate is what becomes of a datagram that arrived. The zero value lets it pass.
type Fate struct {
	// Drop loses it; the rest does not matter then.
	Drop bool
	// Copies is how many more of it arrive.
	Copies int
	// Delay is how much later it arrives, copies and all. What comes after it
	// overtakes it.
	Delay time.Duration
}

// Filter decides on datagrams as they arrive, so that tests can have a bad
// network on a good one. It is called by several goroutines.
type Filter interface {
	Arrived(from netip.Addr, token bool, datagram []byte) Fate
}

// accept adds a datagram that has been received to a batch, whose slot it lies in. What is
// added may be nothing, or several.
func (s *socket) accept(b *Batch, it Item) {
	if s.t.cfg.Filter == nil {
		b.Items = append(b.Items, it)
		return
	}
	fate := s.t.cfg.Filter.Arrived(it.From, s.token, it.Data.Bytes())
	switch {
	case fate.Drop:
		s.t.count.dropped[DropFilter].Add(1)
	case fate.Delay > 0:
		s.later(it, fate)
	default:
		for range fate.Copies + 1 {
			b.Items = append(b.Items, it)
		}
	}
}

// later hands a copy of a datagram over when its delay is over.
func (s *socket) later(it Item, fate Fate) {
	copied := buf.Slice{Block: buf.Wrap(bytes.Clone(it.Data.Bytes())), Hi: it.Data.Len()}
	s.t.running.Go(func() {
		var b *Batch
		select {
		case <-time.After(fate.Delay):
		case <-s.t.done:
			return
		}
		select {
		case b = <-s.queue.free:
		case <-s.t.done:
			return
		}
		b.hold(copied.Block)
		for range fate.Copies + 1 {
			b.Items = append(b.Items, Item{copied, it.From})
		}
		s.push(b)
	})
}
