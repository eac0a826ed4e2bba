package transport

import (
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"time"
)

// readPause is how long a reader waits after an error, so that one that stays
// does not keep a processor busy.
const readPause = 20 * time.Millisecond

// socket is a receive socket. One goroutine reads it.
type socket struct {
	t     *Transport
	conn  *net.UDPConn
	token bool
	queue *queue
	in    input
	lost  atomic.Int64 // what the kernel had dropped when the socket was closed
}

// input is a way to read a socket.
type input interface {
	// wait waits for datagrams and pushes a batch of them; it may also return with
	// nothing done. It is the reader's.
	wait() error
	// poll returns what has arrived and is not handed over yet, or nil. It is the
	// owner's.
	poll() *Batch
	// close gives back what the input holds; wait is not called after that.
	close()
}

// read is the reader's goroutine.
func (s *socket) read() {
	failing := false
	for {
		err := s.in.wait()
		switch {
		case err == nil:
			failing = false
			if s.t.cfg.Notify != nil && len(s.queue.ready) > 0 {
				s.t.cfg.Notify()
			}
			continue
		case errors.Is(err, ErrClosed):
			return
		}
		s.t.count.readErrors.Add(1)
		if !failing {
			failing = true
			s.t.cfg.Log.Warn("cannot read datagrams, trying on",
				slog.String("socket", s.conn.LocalAddr().String()), slog.Any("error", err))
		}
		select {
		case <-s.t.done:
			return
		case <-time.After(readPause):
		}
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

// push hands a batch to the owner.
func (s *socket) push(b *Batch) {
	s.received(b)
	s.queue.ready <- b // there is room for all
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
	if n, ok := kernelDrops(s.conn); ok {
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

// plainInput is the portable input: one datagram in a batch.
type plainInput struct {
	s     *socket
	slab  slab
	batch *Batch
}

func newPlainInput(s *socket) *plainInput { return &plainInput{s: s, slab: s.newSlab()} }

func (p *plainInput) wait() error {
	if p.batch == nil {
		var ok bool
		if p.batch, ok = p.s.supply(); !ok {
			return ErrClosed
		}
	}
	data := p.slab.at(0)
	n, from, err := p.s.conn.ReadFromUDPAddrPort(data.Bytes())
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

func (p *plainInput) close() { p.slab.release() }
