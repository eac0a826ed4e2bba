package transport

import (
	"errors"
	"iter"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/spreadd/spreadd/topology"
)

const (
	// sendBatch bounds the datagrams of one system call.
	sendBatch = 64
	// sendWait bounds how long a call of Send waits for the kernel to take
	// more: long against what a busy network card needs for its queue, short against
	// the token timeout (ring-protocol §21).
	sendWait = 50 * time.Millisecond
	// logInterval is between two lines about one destination.
	logInterval = 10 * time.Second
)

// destination is an address that datagrams go to.
type destination struct {
	addr   net.UDPAddr
	token  bool
	failed atomic.Int64

	// The rest is the sender's.
	logged time.Time
	silent int64 // failures since then
}

func newDestination(a netip.Addr, port uint16, token bool) *destination {
	return &destination{addr: *net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, port)), token: token}
}

// packetWriter is what datagrams are written to. golang.org/x/net has it for both
// families, with one message type.
type packetWriter interface {
	// WriteBatch writes some of the messages. It returns an error if it wrote
	// none.
	WriteBatch(ms []ipv4.Message, flags int) (int, error)
	SetWriteDeadline(t time.Time) error
}

// sender puts datagrams into batches. Its arrays are made once.
type sender struct {
	out   packetWriter
	top   *topology.Topology
	to    destinations
	count *counters
	log   *slog.Logger

	ms    [sendBatch]ipv4.Message
	vec   [sendBatch][2][]byte
	dst   [sendBatch]*destination
	n     int
	stuck bool // has waited in vain during this call
}

func newSender(out packetWriter, top *topology.Topology, to destinations, count *counters, log *slog.Logger) *sender {
	return &sender{out: out, top: top, to: to, count: count, log: log}
}

func (s *sender) send(dgrams []topology.Datagram) error {
	s.stuck = false
	for i := range dgrams {
		d := &dgrams[i]
		all := s.to.of(s.top, d.To)
		if len(all) == 0 {
			s.count.sendFailed[SendNoTarget].Add(1)
		}
		for _, dst := range all {
			v := &s.vec[s.n]
			v[0], v[1] = d.Head[:], d.Body
			s.ms[s.n].Buffers = v[:2]
			if len(d.Body) == 0 {
				s.ms[s.n].Buffers = v[:1]
			}
			s.ms[s.n].Addr = &dst.addr
			s.dst[s.n] = dst
			if s.n++; s.n == sendBatch {
				if err := s.flush(); err != nil {
					return err
				}
			}
		}
	}
	return s.flush()
}

// flush writes what is collected, in order. A datagram that cannot be sent is
// passed over.
func (s *sender) flush() error {
	var err error
	for done := 0; done < s.n && err == nil; {
		var n int
		n, err = s.out.WriteBatch(s.ms[done:s.n], dontWait)
		if errors.Is(err, syscall.EAGAIN) && !s.stuck {
			n, err = s.wait(s.ms[done:s.n])
		}
		s.count.sendCalls.Add(1)
		switch {
		case err == nil:
			s.sent(s.ms[done : done+n])
			done += n
		case errors.Is(err, ErrClosed):
		case errors.Is(err, syscall.EINTR):
			err = nil
		default:
			s.failed(s.dst[done], err)
			done++
			err = nil
		}
	}
	clear(s.vec[:s.n]) // which may be parts of pooled blocks
	s.n = 0
	return err
}

// wait writes when the kernel takes more again. A link on which nothing moves costs
// sendWait once a call, and then the datagrams.
func (s *sender) wait(ms []ipv4.Message) (int, error) {
	s.count.sendWaits.Add(1)
	if err := s.out.SetWriteDeadline(time.Now().Add(sendWait)); err != nil {
		return 0, err
	}
	n, err := s.out.WriteBatch(ms, 0)
	s.stuck = errors.Is(err, os.ErrDeadlineExceeded)
	return n, errors.Join(err, s.out.SetWriteDeadline(time.Time{}))
}

func (s *sender) sent(ms []ipv4.Message) {
	bytes := 0
	for i := range ms {
		for _, b := range ms[i].Buffers {
			bytes += len(b)
		}
	}
	s.count.sent.Add(int64(len(ms)))
	s.count.sentBytes.Add(int64(bytes))
}

// failed counts a datagram that could not be sent, and says so once an interval.
func (s *sender) failed(d *destination, err error) {
	reason := sendFailure(err)
	s.count.sendFailed[reason].Add(1)
	d.failed.Add(1)
	d.silent++
	if now := time.Now(); now.Sub(d.logged) >= logInterval {
		s.log.Warn("datagrams could not be sent",
			slog.String("to", d.addr.String()), slog.Bool("token", d.token), slog.String("reason", reason.String()),
			slog.Int64("datagrams", d.silent), slog.Any("error", err))
		d.logged, d.silent = now, 0
	}
}

// Send sends datagrams in this order; one for a segment goes to each of its
// addresses. What cannot be sent is counted, for each destination and by reason, and logged
// once in 10 seconds; it is not an error, since nobody can tell it from a loss on the way.
// The error is [ErrClosed] or nil.
//
// Heads and bodies are read during the call only, and not copied. Send is for one goroutine
// at a time. When the kernel's buffers are full it waits for them: on Linux at most 50 ms, then
// it drops.
func (t *Transport) Send(dgrams []topology.Datagram) error { return t.sender.send(dgrams) }

// SendTo sends one datagram to an address outside of the configuration, such as a
// monitor's (monitor-protocol §1). It may be called by any goroutine.
func (t *Transport) SendTo(to netip.AddrPort, datagram []byte) error {
	to = netip.AddrPortFrom(scoped(to.Addr(), t.zone), to.Port())
	n, err := t.conn.WriteToUDPAddrPort(datagram, to)
	if err != nil {
		t.count.sendFailed[sendFailure(err)].Add(1)
		return err
	}
	t.count.sent.Add(1)
	t.count.sentBytes.Add(int64(n))
	t.count.sendCalls.Add(1)
	return nil
}

// Failed returns the destinations that datagrams could not be sent to, and how
// many.
func (t *Transport) Failed() iter.Seq2[netip.AddrPort, int64] {
	return func(yield func(netip.AddrPort, int64) bool) {
		all := [][]*destination{t.sender.to.data, t.sender.to.tokens}
		for _, list := range append(all, t.sender.to.segments...) {
			for _, d := range list {
				if n := d.failed.Load(); n > 0 && !yield(d.addr.AddrPort(), n) {
					return
				}
			}
		}
	}
}

// plainWriter is the portable packetWriter: one copy and one system call for each
// datagram.
type plainWriter struct {
	*net.UDPConn
	buf []byte
}

// WriteBatch writes one message.
func (w *plainWriter) WriteBatch(ms []ipv4.Message, _ int) (int, error) {
	w.buf = w.buf[:0]
	for _, b := range ms[0].Buffers {
		w.buf = append(w.buf, b...)
	}
	to, ok := ms[0].Addr.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	if _, err := w.WriteToUDP(w.buf, to); err != nil {
		return 0, err
	}
	return 1, nil
}
