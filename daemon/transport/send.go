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

	"github.com/spreadd/spreadd/internal/topology"
)

const (
	// sendBatch bounds the datagrams of one system call.
	sendBatch = 64
	// sendWait bounds the time for which a call of Send waits while the kernel's buffer is full. It
	// is long compared with what a busy network card needs for its queue, and short compared with
	// the token timeout (ring-protocol §21).
	sendWait = 50 * time.Millisecond
	// logInterval is the time between two log lines about one destination.
	logInterval = 10 * time.Second
)

// destination is an address that datagrams go to.
type destination struct {
	addr   net.UDPAddr
	at     netip.AddrPort // the same
	token  bool
	failed atomic.Int64

	// Only the sender uses these.
	sent   time.Time // when something was sent last, if refusals count
	logged time.Time // when a failure was logged last
	silent int64     // failures since then
}

// longest returns the longest datagram that may be part of a GSO run. MaxPacket fills an Ethernet
// frame with IPv4; the header of IPv6 is 20 bytes longer, and the kernel does not fragment the
// datagrams of a run.
func (d *destination) longest() int {
	if d.addr.IP.To4() == nil {
		return MaxPacket - 20
	}
	return MaxPacket
}

func newDestination(a netip.Addr, port uint16, token bool) *destination {
	at := netip.AddrPortFrom(a, port)
	return &destination{addr: *net.UDPAddrFromAddrPort(at), at: at, token: token}
}

// sender puts datagrams into batches. Its arrays are made once.
type sender struct {
	out   packetWriter
	top   *topology.Topology
	to    destinations
	count *counters
	log   *slog.Logger
	// sealer, if not nil, seals datagrams.
	sealer *Sealer

	// The datagrams to send, in order. The head and the body of datagram i are vec[2i] and
	// vec[2i+1].
	vec  [2 * sendBatch][]byte
	size [sendBatch]int
	dst  [sendBatch]*destination
	n    int

	gso   bool // whether to use segmentation offload
	dated bool // whether destinations note when something was sent
	stuck bool // whether a wait has timed out during this call

	// The messages of one system call, with the number of datagrams in each.
	ms   [sendBatch]ipv4.Message
	per  [sendBatch]int
	opts [sendBatch]gsoOption
}

func newSender(out packetWriter, top *topology.Topology, to destinations, count *counters, log *slog.Logger) *sender {
	return &sender{out: out, top: top, to: to, count: count, log: log}
}

func (s *sender) send(dgrams []topology.Datagram) error {
	s.stuck = false
	var now time.Time
	if s.dated {
		now = time.Now()
	}
	for i := range dgrams {
		d := &dgrams[i]
		all := s.to.of(s.top, d.To)
		if len(all) == 0 {
			s.count.sendFailed[SendNoTarget].Add(1)
		}
		head, body := d.Head[:], d.Body
		if s.sealer != nil && !s.sealer.node.Plain() && len(all) > 0 {
			var err error
			if head, err = s.seal(d, len(all)); err != nil {
				return err
			}
			body = nil
			if head == nil {
				continue
			}
		}
		for _, dst := range all {
			s.vec[2*s.n], s.vec[2*s.n+1] = head, body
			s.size[s.n] = len(head) + len(body)
			s.dst[s.n] = dst
			dst.sent = now
			if s.n++; s.n == sendBatch {
				if err := s.flush(); err != nil {
					return err
				}
			}
		}
	}
	return s.flush()
}

// seal returns a datagram sealed, or nil if that is impossible. It flushes first if there is no
// room for the datagram and its copies.
func (s *sender) seal(d *topology.Datagram, copies int) ([]byte, error) {
	b, ok, err := []byte(nil), false, error(nil)
	if s.n+copies <= sendBatch {
		b, ok, err = s.sealer.seal(d)
	}
	if !ok {
		if err := s.flush(); err != nil {
			return nil, err
		}
		b, ok, err = s.sealer.seal(d)
	}
	if err != nil || !ok {
		s.count.sendFailed[SendOther].Add(1)
		s.log.Error("cannot seal a datagram", slog.Any("error", err))
		return nil, nil
	}
	return b, nil
}

// flush writes the collected datagrams in order. It counts and skips those that cannot be sent.
func (s *sender) flush() error {
	var err error
	for done := 0; done < s.n && err == nil; {
		ms := s.messages(done)
		var n int
		n, err = s.out.WriteBatch(ms)
		if errors.Is(err, syscall.EAGAIN) && !s.stuck {
			n, err = s.wait(ms)
		}
		s.count.sendCalls.Add(1)
		switch {
		case err == nil:
			done += s.sent(done, n)
		case errors.Is(err, ErrClosed):
		case errors.Is(err, syscall.EINTR):
			err = nil
		case s.per[0] > 1 && gsoFailed(err):
			s.gso = false // The loop tries again, without it.
			s.log.Info("UDP segmentation offload does not work, switched off", slog.Any("error", err))
			err = nil
		default:
			for range s.per[0] {
				s.failed(s.dst[done], err)
				done++
			}
			err = nil
		}
	}
	clear(s.vec[:2*s.n]) // They may be parts of pooled blocks.
	s.n = 0
	if s.sealer != nil {
		s.sealer.arena = s.sealer.arena[:0]
	}
	return err
}

// messages makes messages of the datagrams from the i-th on: one for each datagram or, with GSO,
// one for each run.
func (s *sender) messages(i int) []ipv4.Message {
	n := 0
	for i < s.n {
		j := i + 1
		if s.gso {
			j = s.run(i)
		}
		m := &s.ms[n]
		m.Buffers, m.Addr, m.OOB = s.vec[2*i:2*j], &s.dst[i].addr, nil
		if j-i > 1 {
			m.OOB = s.opts[n].set(s.size[i])
		}
		s.per[n] = j - i
		i = j
		n++
	}
	return s.ms[:n]
}

// run returns the end of the GSO run that begins with the i-th datagram. The datagrams of a run
// have one destination and one length, except that the last may be shorter. Together they fit into
// one UDP datagram.
func (s *sender) run(i int) int {
	size, total := s.size[i], s.size[i]
	j := i + 1
	if size > s.dst[i].longest() {
		return j
	}
	for ; j < s.n && s.dst[j] == s.dst[i] && s.size[j] <= size && total+s.size[j] <= MaxToken; j++ {
		total += s.size[j]
		if s.size[j] < size {
			return j + 1
		}
	}
	return j
}

// gsoFailed reports whether drivers and kernels return an error for a run that they cannot segment.
func gsoFailed(err error) bool {
	return errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EINVAL) ||
		errors.Is(err, syscall.EMSGSIZE) || errors.Is(err, syscall.EOPNOTSUPP)
}

// wait writes messages when the kernel's buffer has space again. If it stays full, the call of Send
// waits for sendWait once and drops the datagrams.
func (s *sender) wait(ms []ipv4.Message) (int, error) {
	for until := time.Now().Add(sendWait); ; {
		s.count.sendWaits.Add(1)
		if err := s.out.waitWritable(time.Until(until)); err != nil {
			s.stuck = errors.Is(err, os.ErrDeadlineExceeded)
			return 0, err
		}
		if n, err := s.out.WriteBatch(ms); !errors.Is(err, syscall.EAGAIN) {
			return n, err
		}
	}
}

// sent counts the first messages as sent, and returns how many datagrams, from the i-th on, they
// contain.
func (s *sender) sent(i, messages int) int {
	n, gso, bytes := 0, 0, 0
	for _, per := range s.per[:messages] {
		n += per
		if per > 1 {
			gso += per
		}
	}
	for _, size := range s.size[i : i+n] {
		bytes += size
	}
	s.count.sent.Add(int64(n))
	s.count.sentBytes.Add(int64(bytes))
	if gso > 0 {
		s.count.gso.Add(int64(gso))
	}
	return n
}

// failed counts a datagram that could not be sent, and logs that once in an interval.
func (s *sender) failed(d *destination, err error) {
	reason := sendFailure(err)
	s.count.sendFailed[reason].Add(1)
	d.failed.Add(1)
	d.silent++
	if now := time.Now(); now.Sub(d.logged) >= logInterval {
		s.log.Warn("cannot send datagrams",
			slog.String("to", d.addr.String()), slog.Bool("token", d.token), slog.String("reason", reason.String()),
			slog.Int64("datagrams", d.silent), slog.Any("error", err))
		d.logged, d.silent = now, 0
	}
}

// Send sends datagrams in the order of the list. A datagram for a segment goes to each of the
// segment's addresses. Send counts the datagrams that it cannot send, for each destination and by
// reason, and logs them once in 10 seconds. They are not an error, because the effect is that of a
// loss in the network. Send returns [ErrClosed] or nil.
//
// Heads and bodies are read during the call and not copied. Only one goroutine at a time may call
// Send. When the kernel's buffer is full, Send waits, on Linux for at most 50 ms, and then drops
// datagrams.
func (t *Transport) Send(dgrams []topology.Datagram) error { return t.sender.send(dgrams) }

// SendTo sends one datagram to a monitor (monitor-protocol §1), sealed if the daemon has keys.
// While it accepts plain datagrams it also sends a plain one, because it does not know how the
// monitor asked.
func (t *Transport) SendTo(to netip.AddrPort, datagram []byte) error {
	s := t.cfg.Sealer
	if s == nil || !s.node.HasKeys() {
		return t.sendTo(to, datagram)
	}
	b, err := s.node.SealReport(nil, datagram)
	if err == nil {
		err = t.sendTo(to, b)
	}
	if s.node.State().AcceptsPlain {
		err = errors.Join(err, t.sendTo(to, datagram))
	}
	return err
}

// sendTo sends one datagram to any address.
func (t *Transport) sendTo(to netip.AddrPort, datagram []byte) error {
	to = netip.AddrPortFrom(scoped(to.Addr(), t.zone), to.Port())
	if err := t.out.sendTo(to, datagram); err != nil {
		t.count.sendFailed[sendFailure(err)].Add(1)
		return err
	}
	t.count.sent.Add(1)
	t.count.sentBytes.Add(int64(len(datagram)))
	t.count.sendCalls.Add(1)
	return nil
}

// Failed returns the destinations to which datagrams could not be sent, each with their number.
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
