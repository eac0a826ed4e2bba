package transport

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/internal/sockdrops"
)

// readPause is the time for which a socket is not read after an error, so that a permanent error
// does not keep a processor busy.
const readPause = 20 * time.Millisecond

// socket is a receive socket.
type socket struct {
	t     *Transport
	addr  netip.AddrPort
	token bool
	queue *queue
	in    input
	lost  atomic.Int64 // datagrams that the kernel had dropped when the socket was closed

	failing bool // whether the last read failed; only the goroutine that reads uses it
}

// input is a way to read a socket. The owner calls all methods; drops may be called by any
// goroutine.
type input interface {
	// poll returns the next batch that has arrived, or nil.
	poll() *Datagrams
	// register has the poller watch the socket.
	register()
	// readable reports whether the owner's last wait found something to read.
	readable() bool
	// watch says whether a datagram ends the owner's wait.
	watch(on bool)
	// drops returns the number of datagrams that the kernel dropped for lack of buffer space, and
	// false if the system does not report it.
	drops() (int64, bool)
	// stop closes the socket.
	stop() error
	// close releases the input's memory, after stop and after the end of its reader.
	close()
}

// failed counts a failed read, and logs it if the read before succeeded.
func (s *socket) failed(err error) {
	s.t.count.readErrors.Add(1)
	if !s.failing {
		s.failing = true
		s.t.cfg.Log.Warn("cannot read datagrams; will keep retrying", slog.String("socket", s.addr.String()), slog.Any("error", err))
	}
}

// supply returns a batch to fill. If there is none, it waits until the owner returns one. It
// reports false if the transport is closed.
func (s *socket) supply() (*Datagrams, bool) {
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

// push passes a batch to the owner and wakes it.
func (s *socket) push(b *Datagrams) {
	s.received(b)
	s.queue.ready <- b // It has room for all.
	s.t.cfg.Poller.Wake()
}

// received counts the datagrams of a batch.
func (s *socket) received(b *Datagrams) {
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

// kernelDrops returns the number of datagrams that the kernel dropped for lack of buffer space.
func (s *socket) kernelDrops() int64 {
	if n, ok := s.in.drops(); ok {
		return n
	}
	return s.lost.Load()
}

// limit returns the length of the longest datagram to accept.
func (s *socket) limit() int {
	if s.token {
		return MaxToken
	}
	if s.t.cfg.Sealer != nil {
		return MaxPacket + seal.Overhead // One that a daemon kept from before it had keys.
	}
	return MaxPacket
}

func (s *socket) newSlab() slab {
	if s.token {
		return newSlab(s.t.cfg.Pool, tokenSlot, 1)
	}
	return newSlab(s.t.cfg.Pool, packetSlot, packetsPerBlock)
}

// plainInput is the portable input: a goroutine reads, and passes on one datagram in a batch.
type plainInput struct {
	s     *socket
	conn  *net.UDPConn
	slab  slab
	batch *Datagrams
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

// poll returns a batch from the reader, because there is no portable way to read a socket without
// waiting.
func (p *plainInput) poll() *Datagrams { return p.s.queue.take() }

// register does nothing: the reader wakes the owner.
func (p *plainInput) register() {}

// readable returns false: the queue shows what the reader has pushed.
func (p *plainInput) readable() bool { return false }

// watch does nothing: the reader stops when it has no empty batch.
func (p *plainInput) watch(bool) {}

func (p *plainInput) drops() (int64, bool) { return sockdrops.Count(p.conn) }

func (p *plainInput) stop() error { return p.conn.Close() }

func (p *plainInput) close() { p.slab.release() }
