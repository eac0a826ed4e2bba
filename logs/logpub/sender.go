package logpub

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/envelope"
	"github.com/spreadd/spreadd/spread"
)

// Back-off between attempts to connect.
const (
	backoffFirst = 50 * time.Millisecond
	backoffLast  = 5 * time.Second
)

// sendPause is between two blocks that are sent, unless a whole one is there: lines that come one by one are not to cost
// a system call each, here and in the daemon.
const sendPause = 2 * time.Millisecond

// maxUnconfirmed is how many blocks may be on their way through the ring, if that is to confirm
// them.
const maxUnconfirmed = 64

var (
	errStalled = errors.New("the daemon takes nothing")
	errReturn  = errors.New("returning to the first daemon")
)

// sender keeps a session and sends what is in the queue.
type sender struct {
	p        *Publisher
	which    int       // of the addresses is in use
	next     Session   // to the first daemon, which is back
	block    *block    // taken from the queue and not flushed
	last     uint64    // ID of the last block that a session was given lines of
	handed   int       // how many lines of it
	badSince time.Time // since when the spool cannot be read; zero if it can
	flushed  time.Time // when the last block was
	lost     time.Time // when the last session ended; zero before the first
	header   envelope.Header
	buf      []byte // of a message with an envelope

	daemons []daemonCount // in the order of the addresses
	ends    [numEnds]atomic.Int64

	began atomic.Int64 // when the block under way was begun, in Unix nanoseconds; 0 if none is

	mu     sync.Mutex
	flying []flight // sent and not confirmed
}

// flight is a block that was sent.
type flight struct {
	id          uint64
	lines, size int
}

// addresses are those of all daemons.
func (s *sender) addresses() []string {
	return append([]string{s.p.cfg.Address}, s.p.cfg.Fallbacks...)
}

// run connects again and again until ctx ends.
func (s *sender) run(ctx context.Context) {
	backoff := backoffFirst
	failing := false
	addresses := s.addresses()
	for ctx.Err() == nil {
		log := s.p.cfg.Log.With(slog.String("daemon", addresses[s.which]))
		sess, err := s.next, error(nil)
		if s.next = nil; sess == nil {
			sess, err = s.dial(ctx, s.which)
		}
		if err == nil {
			began := time.Now()
			err = s.serve(ctx, sess, log)
			if ctx.Err() != nil {
				return
			}
			if time.Since(began) > backoffLast {
				backoff = backoffFirst
			}
			failing, s.lost = false, time.Now()
			s.ends[endOf(err)].Add(1)
			if errors.Is(err, errReturn) {
				log.Info("the first daemon is back, returning to it")
				s.which = 0
				continue
			}
			log.Warn("lost the connection to the daemon, lines wait in the queue", slog.Any("error", err))
		} else if ctx.Err() == nil {
			level := slog.LevelDebug
			if !failing {
				failing, level = true, slog.LevelWarn
			}
			log.Log(ctx, level, "no connection to the daemon, trying on", slog.Any("error", err))
		}
		if s.which = (s.which + 1) % len(addresses); s.which > 0 {
			continue // each is tried once before a pause
		}
		// Half of it is by chance, so that a farm of web servers does not
		// come back in one moment.
		wait(ctx, backoff/2+rand.N(backoff/2+1))
		backoff = min(2*backoff, backoffLast)
	}
}

func (s *sender) dial(ctx context.Context, which int) (Session, error) {
	cfg, address, over := &s.p.cfg, s.daemons[which].address, ctx.Done()
	ctx, cancel := context.WithTimeout(ctx, backoffLast)
	defer cancel()
	sess, err := cfg.Dial(ctx, address, cfg.Name)
	if errors.Is(err, spread.ErrRejectNotUnique) {
		// The program before us, or the daemon has not yet noticed the end
		// of the session before.
		sess, err = cfg.Dial(ctx, address, "")
	}
	if err != nil && !closed(over) {
		s.daemons[which].failures.Add(1)
	}
	return sess, err
}

// serve uses a session until it or ctx ends, and closes it.
func (s *sender) serve(ctx context.Context, sess Session, log *slog.Logger) error {
	d := &s.daemons[s.which]
	s.p.count.connects.Add(1)
	d.connects.Add(1)
	d.connected.Store(true)
	defer d.connected.Store(false)
	log = log.With(slog.String("session", sess.PrivateGroup()))
	if s.lost.IsZero() {
		log.Info("connected")
	} else {
		log.Warn("connected again", slog.Duration("away", time.Since(s.lost).Round(time.Millisecond)))
	}
	open, end := context.WithCancelCause(ctx)
	defer end(nil)
	var wg sync.WaitGroup
	s.mu.Lock()
	s.flying = nil
	s.mu.Unlock()
	s.began.Store(0)
	wg.Go(func() { end(s.watch(open, sess, log)) })
	back := make(chan Session, 1)
	if len(s.p.cfg.Fallbacks) > 0 {
		if s.p.cfg.StallTime > 0 {
			wg.Go(func() { s.watchStall(open, end) })
		}
		if s.which > 0 && s.p.cfg.ReturnInterval > 0 {
			wg.Go(func() { s.watchReturn(open, back) })
		}
	}
	err := s.send(open, sess, back)
	if (ctx.Err() != nil || errors.Is(err, errReturn)) && s.block == nil {
		// Errors do not matter: all is flushed.
		_ = sess.Close()
	} else {
		sess.Kill() // what is accepted and not flushed is sent again, or counted as dropped
	}
	// The session's own end explains more than the error of what it broke.
	if !errors.Is(err, errReturn) {
		err = cmp.Or(context.Cause(open), err)
	}
	end(nil)
	wg.Wait()
	select {
	case first := <-back:
		if s.next == nil {
			first.Kill()
		}
	default:
	}
	return err
}

// watchStall ends a session to which a block has been under way for too long.
func (s *sender) watchStall(ctx context.Context, end context.CancelCauseFunc) {
	limit := s.p.cfg.StallTime
	for ctx.Err() == nil {
		wait(ctx, limit/8)
		if t := s.began.Load(); t != 0 && time.Since(time.Unix(0, t)) > limit {
			end(errStalled)
		}
	}
}

// watchReturn tries to reach the first daemon.
func (s *sender) watchReturn(ctx context.Context, back chan<- Session) {
	for {
		wait(ctx, s.p.cfg.ReturnInterval)
		if ctx.Err() != nil {
			return
		}
		if sess, err := s.dial(ctx, 0); err == nil {
			back <- sess
			return
		}
	}
}

// watch receives until the session or ctx ends. We are in no group, so that
// nothing is expected but confirmations and the end.
func (s *sender) watch(ctx context.Context, sess Session, log *slog.Logger) error {
	told := false
	for {
		ev, err := sess.Receive(ctx)
		if err != nil {
			return err
		}
		switch ev := ev.(type) {
		case *spread.Rejected:
			s.p.count.rejected.Add(1)
			if !told {
				told = true
				log.Warn("the daemon returns our lines; its access policy has to allow them")
			}
		case *spread.Message:
			if s.p.cfg.Confirm && ev.Sender == sess.PrivateGroup() && len(ev.Payload) == 8 {
				s.confirm(binary.BigEndian.Uint64(ev.Payload))
			}
		}
	}
}

// send sends what is in the queue until ctx or the session ends, or there is another one.
func (s *sender) send(ctx context.Context, sess Session, back chan Session) error {
	q := s.p.queue
	q.rewind() // what is not acknowledged is sent from its beginning
	s.block = nil
	for {
		for {
			select {
			case s.next = <-back:
				back <- s.next // serve knows by it who has to end it
				return errReturn
			default:
			}
			if !s.mayFly() {
				if err := s.rest(ctx, q.wake, back); err != nil {
					return err
				}
				continue
			}
			b, err := q.take()
			if err != nil {
				s.unreadable(ctx, err)
				if ctx.Err() != nil {
					return ctx.Err()
				}
				continue
			}
			s.badSince = time.Time{}
			if s.block = b; b != nil {
				break
			}
			if err := s.rest(ctx, q.wake, back); err != nil {
				return err
			}
			if rest := sendPause - time.Since(s.flushed); rest > 0 && q.few() {
				wait(ctx, rest)
			}
		}
		s.began.Store(time.Now().UnixNano())
		err := s.sendBlock(ctx, sess, s.block)
		q.letGo(s.block)
		if err != nil {
			return err
		}
		s.block = nil
		s.began.Store(0)
		s.flushed = time.Now()
	}
}

// rest waits until there is news.
func (s *sender) rest(ctx context.Context, wake <-chan struct{}, back chan Session) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wake:
	case sess := <-back:
		back <- sess
	}
	return nil
}

// mayFly tells whether another block may be sent before those that were are confirmed.
func (s *sender) mayFly() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.flying) < maxUnconfirmed
}

// confirm takes note that the ring has all blocks up to an ID.
func (s *sender) confirm(id uint64) {
	s.mu.Lock()
	n := 0
	for n < len(s.flying) && s.flying[n].id <= id {
		n++
	}
	landed := s.flying[:n]
	s.flying = s.flying[n:]
	s.mu.Unlock()
	for _, f := range landed {
		s.sent(f)
	}
	signal(s.p.queue.wake)
}

// unreadable deals with a spool that cannot be read: after some patience the sender goes on
// with what is in memory, and leaves the spool's files for later.
func (s *sender) unreadable(ctx context.Context, err error) {
	p := s.p
	if lost, ok := errors.AsType[*lostError](err); ok {
		p.count.damaged.Add(1)
		p.drop(dropDamaged, int64(lost.lines), int64(lost.bytes))
		p.cfg.Log.Error("lines in the spool are lost", slog.Int("lines", lost.lines), slog.Any("error", err))
		return
	}
	p.spoolTrouble(err)
	if s.badSince.IsZero() {
		s.badSince = time.Now()
	}
	if time.Since(s.badSince) < spoolPatience {
		wait(ctx, spoolRetry)
		return
	}
	p.abandonSpool()
}

// sendBlock sends a block of lines, and acknowledges it or has it confirmed.
func (s *sender) sendBlock(ctx context.Context, sess Session, b *block) error {
	cfg := &s.p.cfg
	if b.id > s.last {
		s.last, s.handed = b.id, 0
	}
	lines := 0
	rest := b.lines
	for _, r := range b.runs {
		seq, groups := r.seq, r.to.groups
		for text := rest[:r.n]; len(text) > 0; {
			payload, n := s.message(b, r.to, text)
			text = text[len(payload):]
			if cfg.Envelope {
				payload = s.wrap(b, r.to, seq, payload)
				seq += uint64(n)
			}
			if err := sess.Multicast(ctx, cfg.Service, cfg.MessType, payload, groups...); err != nil {
				return err
			}
			s.handOver(b, lines, n)
			lines += n
		}
		rest = rest[r.n:]
	}
	f := flight{b.id, lines, len(b.lines)}
	if cfg.Confirm {
		s.mu.Lock()
		s.flying = append(s.flying, f)
		s.mu.Unlock()
		s.buf = binary.BigEndian.AppendUint64(s.buf[:0], b.id)
		if err := sess.Multicast(ctx, spread.Safe, 0, s.buf, sess.PrivateGroup()); err != nil {
			return err
		}
	}
	if err := sess.Flush(ctx); err != nil {
		return err
	}
	if !cfg.Confirm {
		s.sent(f)
	}
	return nil
}

// message returns the lines that share the first message of text, and how many they are.
func (s *sender) message(b *block, to *target, text []byte) (payload []byte, n int) {
	cfg := &s.p.cfg
	first := bytes.IndexByte(text, '\n') + 1
	most := min(cfg.BatchBytes, len(text))
	if most > first {
		limit := spread.MaxPayload(len(to.groups))
		if cfg.Envelope {
			limit -= envelope.Len(b.origin.publisher)
		}
		most = bytes.LastIndexByte(text[:min(most, limit)], '\n') + 1
	}
	if most <= first {
		return text[:first], 1
	}
	return text[:most], bytes.Count(text[:most], []byte{'\n'})
}

// handOver notes that n lines of a block were handed to the session, behind those before.
func (s *sender) handOver(b *block, before, n int) {
	again := n
	if b.id == s.last {
		again = min(n, max(0, s.handed-before))
		s.handed = max(s.handed, before+n)
	}
	if again > 0 {
		s.p.count.resent.Add(int64(again))
	}
}

// wrap returns lines in an envelope. A line of a process before us may have had a shorter
// name to share a message with; then it is cut.
func (s *sender) wrap(b *block, to *target, seq uint64, lines []byte) []byte {
	s.header = envelope.Header{Publisher: b.origin.publisher, Epoch: b.origin.epoch, Stream: to.stream, Seq: seq}
	s.buf = append(s.header.Append(s.buf[:0]), lines...)
	if most := spread.MaxPayload(len(to.groups)); len(s.buf) > most {
		s.buf = append(s.buf[:most-1], '\n')
		s.p.count.truncated.Add(1)
	}
	return s.buf
}

// sent counts a block as sent, unless the spool has dropped it meanwhile.
func (s *sender) sent(f flight) {
	dropped, err := s.p.queue.ack(f.id)
	if err != nil {
		s.p.spoolTrouble(err)
	}
	if !dropped {
		s.p.count.sent.Add(int64(f.lines))
		s.p.count.bytes.Add(int64(f.size))
	}
}
