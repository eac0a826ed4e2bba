package transport

import (
	"net"
	"net/netip"
	"sync"
)

// Transport is a daemon's sockets for the ring.
type Transport struct {
	cfg           Config
	zone          string // the interface of the daemon's address, if that is IPv6
	conn          *net.UDPConn
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

// Data returns the channel of batches from the data ports. After Close nothing
// comes any more; the channel is not closed.
func (t *Transport) Data() <-chan *Batch { return t.data.ready }

// Tokens returns the channel of batches from the token ports; each has one
// token, but for what a [Filter] adds.
func (t *Transport) Tokens() <-chan *Batch { return t.tokens.ready }

// PollData returns the next batch from the data ports without waiting, or nil. It
// looks into the channel and then, on Linux, into the sockets themselves: when it returns
// nil, everything that had arrived before the call has been handed over. This
// is what an owner with a token in its hand wants to know, since packets precede their token
// on the wire (ring-protocol §18.3), but their reader may not have run yet.
//
// Elsewhere it looks into the channel only. PollData and PollTokens are for one goroutine at
// a time, the one that receives from the channels; that one gives batches back with [Batch.Done]
// before it polls for many more, for there are 64.
func (t *Transport) PollData() *Batch { return t.poll(t.data, false) }

// PollTokens is PollData for the token ports.
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
func (t *Transport) LocalAddr() netip.AddrPort { return addrPort(t.conn) }

func addrPort(c *net.UDPConn) netip.AddrPort {
	a, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	return a.AddrPort()
}

// Close closes the sockets and waits for the readers. Batches in the channels are given back;
// those that the owner holds are its own to give back, then or later. Close may be called again,
// and by any goroutine; Send then returns [ErrClosed], and polls return nil.
func (t *Transport) Close() error {
	t.closing.Do(func() { t.err = t.close() })
	return t.err
}
