package transport

import (
	"net/netip"
	"sync"
)

// Transport holds a daemon's sockets for the ring.
type Transport struct {
	cfg           Config
	zone          string         // the interface of the daemon's address, if that is IPv6
	local         netip.AddrPort // where datagrams leave from
	out           sendSocket
	sender        *sender
	refuser       refuser   // or nil
	sockets       []*socket // for receiving
	data, tokens  *queue
	receiveBuffer int // size of the smallest receive buffer in bytes, or 0
	count         counters

	done    chan struct{} // closed by Close
	running sync.WaitGroup
	closing sync.Once
	err     error // what Close returns
}

// Readable reports whether the last Wait of [Config.Poller] found datagrams on the data ports and
// on the token ports. If it found a token and no data, no data had arrived before the token.
func (t *Transport) Readable() (data, tokens bool) {
	data, tokens = len(t.data.ready) > 0, len(t.tokens.ready) > 0
	for _, s := range t.sockets {
		if s.token && !tokens {
			tokens = s.in.readable()
		} else if !s.token && !data {
			data = s.in.readable()
		}
	}
	return data, tokens
}

// HaveWork reports whether a batch waits that has been read from its socket already. Call it in the
// function that you pass to Wait of [Config.Poller].
func (t *Transport) HaveWork() bool { return len(t.data.ready) > 0 || len(t.tokens.ready) > 0 }

// Watch says whether a datagram ends Wait of [Config.Poller]. An owner that accepts no datagrams,
// because its receivers are behind, must switch it off: Wait would return at once otherwise.
func (t *Transport) Watch(on bool) {
	for _, s := range t.sockets {
		s.in.watch(on)
	}
}

// PollData returns the next batch from the data ports, or nil; it does not wait. On Linux it reads
// the sockets themselves: if it returns nil, everything that had arrived before the call has been
// returned. An owner that holds a token relies on this, because packets precede their token on the
// wire (ring-protocol §18.3). Elsewhere it returns what readers have pushed.
//
// Only one goroutine at a time may call PollData and PollTokens. It must return batches with
// [Datagrams.Done]; there are 64 of them. With [Config.Sealer] a batch may be empty.
func (t *Transport) PollData() *Datagrams { return t.poll(t.data, false) }

// PollTokens is PollData for the token ports. A batch has one token, unless a [Filter] adds
// duplicates.
func (t *Transport) PollTokens() *Datagrams { return t.poll(t.tokens, true) }

func (t *Transport) poll(q *queue, token bool) *Datagrams {
	b := t.arrived(q, token)
	if b != nil && t.cfg.Sealer != nil {
		t.cfg.Sealer.open(b)
		t.sendControls()
	}
	return b
}

// arrived returns the next batch as it came.
func (t *Transport) arrived(q *queue, token bool) *Datagrams {
	if b := q.take(); b != nil {
		return b
	}
	for _, s := range t.sockets {
		if s.token == token {
			if b := s.in.poll(); b != nil {
				return b
			}
		}
	}
	return nil
}

// LocalAddr returns the address and port from which datagrams leave.
func (t *Transport) LocalAddr() netip.AddrPort { return t.local }

// Close closes the sockets and waits for the readers. It returns the batches that wait; the owner
// must return those that it holds, now or later. After Close, Send returns [ErrClosed] and polls
// return nil. Close may be called again, and by any goroutine while no other polls or waits.
func (t *Transport) Close() error {
	t.closing.Do(func() { t.err = t.close() })
	return t.err
}
