package logpub

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/envelope"
	"github.com/spreadd/spreadd/logs/internal/queue"
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
	p       *Publisher
	which   int          // of the addresses is in use
	next    Session      // to the first daemon, which is back
	block   *queue.Block // taken from the queue and not flushed
	last    uint64       // ID of the last block that a session was given lines of
	handed  int          // how many lines of it
	flushed time.Time    // when the last block was
	lost    time.Time    // when the last session ended; zero before the first
	header  envelope.Header
	buf     []byte // of a message with an envelope

	daemons []daemonCount // in the order of the addresses
	ends    [numEnds]atomic.Int64

	timer *time.Timer  // of rest
	began atomic.Int64 // when the block under way was begun, in Unix nanoseconds; 0 if none is
}

// addresses are those of all daemons.
func (s *sender) addresses() []string {
	return append([]string{s.p.cfg.Address}, s.p.cfg.Fallbacks...)
}

// run connects again and again until ctx ends.
func (s *sender) run(ctx context.Context) {
	backoff := backoffFirst
	failing := false
	s.timer = time.NewTimer(math.MaxInt64)
	defer s.timer.Stop()
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
				s.p.queue.Ack(binary.BigEndian.Uint64(ev.Payload))
			}
		}
	}
}

// send sends what is in the queue until ctx or the session ends, or there is another one.
func (s *sender) send(ctx context.Context, sess Session, back chan Session) error {
	q := s.p.queue
	q.Rewind() // what is not acknowledged is sent from its beginning
	s.block = nil
	for {
		b, err := s.take(ctx, back)
		if err != nil {
			return err
		}
		s.block = b
		s.began.Store(time.Now().UnixNano())
		err = s.sendBlock(ctx, sess, b)
		q.LetGo(b)
		if err != nil {
			return err
		}
		s.block = nil
		s.began.Store(0)
		s.flushed = time.Now()
	}
}

// take waits for a block that may be sent.
func (s *sender) take(ctx context.Context, back chan Session) (*queue.Block, error) {
	q := s.p.queue
	for {
		select {
		case s.next = <-back:
			back <- s.next // serve knows by it who has to end it
			return nil, errReturn
		default:
		}
		if q.InFlight() >= maxUnconfirmed {
			if err := s.rest(ctx, math.MaxInt64, back); err != nil {
				return nil, err
			}
			continue
		}
		b, pause := q.Take()
		if b != nil {
			return b, nil
		}
		if err := s.rest(ctx, pause, back); err != nil {
			return nil, err
		}
		if rest := sendPause - time.Since(s.flushed); rest > 0 && q.Few() {
			wait(ctx, rest)
		}
	}
}

// rest waits until there is news, for at most d.
func (s *sender) rest(ctx context.Context, d time.Duration, back chan Session) error {
	s.timer.Reset(d)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.timer.C:
	case <-s.p.queue.Wake():
	case sess := <-back:
		back <- sess
	}
	return nil
}

// sendBlock sends a block of lines, and acknowledges it or has it confirmed.
func (s *sender) sendBlock(ctx context.Context, sess Session, b *queue.Block) error {
	cfg := &s.p.cfg
	if b.ID() > s.last {
		s.last, s.handed = b.ID(), 0
	}
	lines := 0
	rest := b.Data
	for _, r := range b.Runs {
		seq, groups := r.Seq, r.To.Groups
		for text := rest[:r.Bytes]; len(text) > 0; {
			payload, n := s.message(b, r.To, text)
			text = text[len(payload):]
			if cfg.Envelope {
				payload = s.wrap(b, r.To, seq, payload)
				seq += uint64(n)
			}
			if err := sess.Multicast(ctx, cfg.Service, cfg.MessType, payload, groups...); err != nil {
				return err
			}
			s.handOver(b, lines, n)
			lines += n
		}
		rest = rest[r.Bytes:]
	}
	if cfg.Confirm {
		s.buf = binary.BigEndian.AppendUint64(s.buf[:0], b.ID())
		if err := sess.Multicast(ctx, spread.Safe, 0, s.buf, sess.PrivateGroup()); err != nil {
			return err
		}
	}
	if err := sess.Flush(ctx); err != nil {
		return err
	}
	if !cfg.Confirm {
		s.p.queue.Ack(b.ID())
	}
	return nil
}

// message returns the lines that share the first message of text, and how many they are.
func (s *sender) message(b *queue.Block, to *queue.Target, text []byte) (payload []byte, n int) {
	cfg := &s.p.cfg
	first := bytes.IndexByte(text, '\n') + 1
	most := min(cfg.BatchBytes, len(text))
	if most > first {
		limit := spread.MaxPayload(len(to.Groups))
		if cfg.Envelope {
			limit -= envelope.Len(b.Origin.Publisher)
		}
		most = bytes.LastIndexByte(text[:min(most, limit)], '\n') + 1
	}
	if most <= first {
		return text[:first], 1
	}
	return text[:most], bytes.Count(text[:most], []byte{'\n'})
}

// handOver notes that n lines of a block were handed to the session, behind those before.
func (s *sender) handOver(b *queue.Block, before, n int) {
	again := n
	if b.ID() == s.last {
		again = min(n, max(0, s.handed-before))
		s.handed = max(s.handed, before+n)
	}
	if again > 0 {
		s.p.count.resent.Add(int64(again))
	}
}

// wrap returns lines in an envelope. A line of a process before us may have had a shorter
// name to share a message with; then it is cut.
func (s *sender) wrap(b *queue.Block, to *queue.Target, seq uint64, lines []byte) []byte {
	s.header = envelope.Header{Publisher: b.Origin.Publisher, Epoch: b.Origin.Epoch, Stream: to.Stream, Seq: seq}
	s.buf = append(s.header.Append(s.buf[:0]), lines...)
	if most := spread.MaxPayload(len(to.Groups)); len(s.buf) > most {
		s.buf = append(s.buf[:most-1], '\n')
		s.p.count.truncated.Add(1)
	}
	return s.buf
}
