package transport

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/sockdrops"
)

// readPause is how long a socket rests after an error, so that one that stays
// does not keep a processor busy.
const readPause = 20 * time.Millisecond

// socket is a receive socket.
type socket struct {
	t     *Transport
	addr  netip.AddrPort
	token bool
	queue *queue
	in    input
	lost  atomic.Int64 // what the kernel had dropped when the socket was closed

	failing bool // of who reads: the last read failed
}

// input is a way to read a socket. All but drops are the owner's.
type input interface {
	// poll returns what has arrived and is not handed over yet, or nil.
	poll() *Batch
	// register has the owner's wait watch the socket.
	register()
	// readable reports whether the owner's last wait found something to read.
	readable() bool
	// watch says whether the owner's wait is to end when there is something.
	watch(on bool)
	// drops returns what the kernel dropped for lack of room, if it tells.
	drops() (int64, bool)
	// stop closes the socket.
	stop() error
	// close gives back what the input holds, after stop and after its reader.
	close()
}

// failed counts a read that failed, and says so if the one before did not.
func (s *socket) failed(err error) {
	s.t.count.readErrors.Add(1)
	if !s.failing {
		s.failing = true
		s.t.cfg.Log.Warn("cannot read datagrams, trying on", slog.String("socket", s.addr.String()), slog.Any("error", err))
	}
}

// supply returns a batch to be filled, and waits for the owner to be done with one
// if it has to. It reports false when the transport is closed.
func (s *socket) supply() (*Batch, bool) {
	if b := s.queue.empty(); b != nil {
		return b, true
	}
	s.t.count.stalls.Add(1)
	select {
	case b := <-s.queue.free:
		return b, true
	case <-s.t.done:
		return nil, false
	}
}

// push hands a batch to the owner, who may be asleep.
func (s *socket) push(b *Batch) {
	s.received(b)
	s.queue.ready <- b // there is room for all
	s.t.cfg.Poller.Wake()
}

func (s *socket) received(b *Batch) {
	bytes := 0
	for i := range b.Items {
		bytes += b.Items[i].Data.Len()
	}
	port := 0
	if s.token {
		port = 1
	}
	s.t.count.received[port].Add(int64(len(b.Items)))
	s.t.count.receivedBytes.Add(int64(bytes))
}

// kernelDrops returns what the kernel dropped for lack of room.
func (s *socket) kernelDrops() int64 {
	if n, ok := s.in.drops(); ok {
		return n
	}
	return s.lost.Load()
}

// limit is the length of the longest datagram of the socket.
func (s *socket) limit() int {
	if s.token {
		return MaxToken
	}
	return MaxPacket
}

func (s *socket) newSlab() slab {
	if s.token {
		return newSlab(s.t.cfg.Pool, tokenSlot, 1)
	}
	return newSlab(s.t.cfg.Pool, packetSlot, packetsPerBlock)
}

// plainInput is the portable input: a goroutine reads, and hands over one datagram in a
// batch.
type plainInput struct {
	s     *socket
	conn  *net.UDPConn
	slab  slab
	batch *Batch
}

func newPlainInput(s *socket, conn *net.UDPConn) *plainInput {
	return &plainInput{s: s, conn: conn, slab: s.newSlab()}
}

// run is the reader.
func (p *plainInput) run() {
	for {
		err := p.wait()
		switch {
		case err == nil:
			p.s.failing = false
			continue
		case errors.Is(err, ErrClosed):
			return
		}
		p.s.failed(err)
		select {
		case <-p.s.t.done:
			return
		case <-time.After(readPause):
		}
	}
}

// wait waits for a datagram and pushes it, unless it is dropped.
func (p *plainInput) wait() error {
	if p.batch == nil {
		var ok bool
		if p.batch, ok = p.s.supply(); !ok {
			return ErrClosed
		}
	}
	data := p.slab.at(0)
	n, from, err := p.conn.ReadFromUDPAddrPort(data.Bytes())
	if err != nil {
		return err
	}
	p.s.t.count.receiveCalls.Add(1)
	if n > p.s.limit() {
		p.s.t.count.dropped[DropTooLong].Add(1)
		return nil
	}
	data.Hi = data.Lo + n
	p.s.accept(p.batch, Item{data, from.Addr().Unmap().WithZone("")})
	if len(p.batch.Items) == 0 {
		return nil
	}
	p.slab.give(1, p.batch)
	b := p.batch
	p.batch = nil
	p.s.push(b)
	return nil
}

// poll takes what the reader has pushed: there is no portable way to ask a
// socket without waiting.
func (p *plainInput) poll() *Batch { return p.s.queue.take() }

// register does nothing: the reader wakes the owner.
func (p *plainInput) register() {}

// readable leaves it to the queue.
func (p *plainInput) readable() bool { return false }

// watch does nothing: the reader stops when its batches are used up.
func (p *plainInput) watch(bool) {}

func (p *plainInput) drops() (int64, bool) { return sockdrops.Count(p.conn) }

func (p *plainInput) stop() error { return p.conn.Close() }

func (p *plainInput) close() { p.slab.release() }
