package transport

import (
	"net/netip"
	"sync"
)

// Transport is a daemon's sockets for the ring.
type Transport struct {
	cfg           Config
	zone          string // the interface of the daemon's address, if that is IPv6
	local         netip.AddrPort
	out           sendSocket
	sender        *sender
	sockets       []*socket
	data, tokens  *queue
	receiveBuffer int
	count         counters

	done    chan struct{}
	running sync.WaitGroup
	closing sync.Once
	err     error // of closing
}

// Readable reports whether there is something to poll for at the data ports and at the token
// ports, as far as the last Wait of [Config.Poller] knows. If there is a token and no data, no data
// had arrived before the token.
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

// HaveWork reports whether a batch waits that no socket shows. It is for the function that
// Wait of [Config.Poller] asks.
func (t *Transport) HaveWork() bool { return len(t.data.ready) > 0 || len(t.tokens.ready) > 0 }

// Watch says whether Wait of [Config.Poller] is to end when a datagram has come. An owner that
// does not want any now, since its receivers are behind, would not come to rest otherwise.
func (t *Transport) Watch(on bool) {
	for _, s := range t.sockets {
		s.in.watch(on)
	}
}

// PollData returns the next batch from the data ports without waiting, or nil. On Linux it
// looks into the sockets themselves: when it returns nil, everything that had arrived before the
// call has been handed over. This is what an owner with a token in its hand wants to know,
// since packets precede their token on the wire (ring-protocol §18.3).
//
// Elsewhere it looks at what readers have brought. PollData and PollTokens are for one goroutine at
// a time; that one gives batches back with [Batch.Done] before it polls for many more, for there
// are 64.
func (t *Transport) PollData() *Batch { return t.poll(t.data, false) }

// PollTokens is PollData for the token ports. A batch has one token, but for what a
// [Filter] adds.
func (t *Transport) PollTokens() *Batch { return t.poll(t.tokens, true) }

func (t *Transport) poll(q *queue, token bool) *Batch {
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

// LocalAddr returns the address and port that datagrams leave from.
func (t *Transport) LocalAddr() netip.AddrPort { return t.local }

// Close closes the sockets and waits for the readers. Batches that wait are given back;
// those that the owner holds are its own to give back, then or later. Close may be called again,
// and by any goroutine while no other polls or waits; Send then returns [ErrClosed], and polls
// return nil.
func (t *Transport) Close() error {
	t.closing.Do(func() { t.err = t.close() })
	return t.err
}
