package transport

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// Fate is what happens to a datagram that has arrived. The zero value lets it pass.
type Fate struct {
	// Drop loses the datagram; the other fields have no effect then.
	Drop bool
	// Copies is the number of duplicates.
	Copies int
	// Delay is how much later the datagram and its duplicates arrive. Later datagrams overtake
	// them.
	Delay time.Duration
}

// Filter decides what happens to datagrams as they arrive, so that tests can simulate a bad
// network. Several goroutines call it.
type Filter interface {
	Arrived(from netip.Addr, token bool, datagram []byte) Fate
}

// Transmitter returns the daemon that a plain datagram says it comes from, or 0, for filters that treat
// daemons differently.
func Transmitter(token bool, datagram []byte) wire.DaemonID {
	if token {
		var t wire.Token
		if t.Decode(datagram) == nil {
			return t.Transmitter
		}
		return 0
	}
	var p wire.Packet
	if p.Decode(datagram) == nil {
		return p.Transmitter
	}
	return 0
}

// accept adds a received datagram to the batch that has its slot. Depending on the filter, it adds
// the datagram once, several times or not at all.
func (s *socket) accept(b *Datagrams, it Item) {
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

// later passes a copy of a datagram on when its delay is over.
func (s *socket) later(it Item, fate Fate) {
	copied := buf.Slice{Block: buf.Wrap(bytes.Clone(it.Data.Bytes())), Hi: it.Data.Len()}
	s.t.running.Go(func() {
		var b *Datagrams
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
