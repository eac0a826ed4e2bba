package logpub

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/spreadd/spreadd/spread"
)

// Back-off between attempts to connect.
const (
	backoffFirst = 50 * time.Millisecond
	backoffLast  = 5 * time.Second
)

// sender keeps a session and sends what is in the queue.
type sender struct {
	p        *Publisher
	block    *block    // taken from the queue and not flushed
	last     uint64    // ID of the last block that a session was given lines of
	handed   int       // how many lines of it
	badSince time.Time // since when the spool cannot be read; zero if it can
	lost     time.Time // when the last session ended; zero before the first
}

// run connects again and again until ctx ends.
func (s *sender) run(ctx context.Context) {
	log := s.p.cfg.Log.With(slog.String("daemon", s.p.cfg.Address))
	backoff := backoffFirst
	failing := false
	for ctx.Err() == nil {
		sess, err := s.dial(ctx)
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
			log.Warn("lost the connection to the daemon, lines wait in the queue", slog.Any("error", err))
		} else if ctx.Err() == nil {
			level := slog.LevelDebug
			if !failing {
				failing, level = true, slog.LevelWarn
			}
			log.Log(ctx, level, "no connection to the daemon, trying on", slog.Any("error", err))
		}
		// Half of it is by chance, so that a farm of web servers does not
		// come back in one moment.
		wait(ctx, backoff/2+rand.N(backoff/2+1))
		backoff = min(2*backoff, backoffLast)
	}
}

func (s *sender) dial(ctx context.Context) (Session, error) {
	cfg := &s.p.cfg
	ctx, cancel := context.WithTimeout(ctx, backoffLast)
	defer cancel()
	sess, err := cfg.Dial(ctx, cfg.Address, cfg.Name)
	if errors.Is(err, spread.ErrRejectNotUnique) {
		// The program before us, or the daemon has not yet noticed the end
		// of the session before.
		sess, err = cfg.Dial(ctx, cfg.Address, "")
	}
	return sess, err
}

// serve uses a session until it or ctx ends, and closes it.
func (s *sender) serve(ctx context.Context, sess Session, log *slog.Logger) error {
	s.p.count.connects.Add(1)
	log = log.With(slog.String("session", sess.PrivateGroup()))
	if s.lost.IsZero() {
		log.Info("connected")
	} else {
		log.Warn("connected again", slog.Duration("away", time.Since(s.lost).Round(time.Millisecond)))
	}
	open, end := context.WithCancelCause(ctx)
	defer end(nil)
	var wg sync.WaitGroup
	wg.Go(func() { end(s.watch(open, sess, log)) })
	err := s.send(open, sess)
	if ctx.Err() != nil && s.block == nil {
		// Errors do not matter: all is flushed.
		_ = sess.Close()
	} else {
		sess.Kill() // what is accepted and not flushed is sent again, or counted as dropped
	}
	// The session's own end explains more than the error of what it broke.
	err = cmp.Or(context.Cause(open), err)
	wg.Wait()
	return err
}

// watch receives until the session or ctx ends. We are in no group, so that
// nothing is expected but the end.
func (s *sender) watch(ctx context.Context, sess Session, log *slog.Logger) error {
	told := false
	for {
		ev, err := sess.Receive(ctx)
		if err != nil {
			return err
		}
		if _, ok := ev.(*spread.Rejected); ok {
			s.p.count.rejected.Add(1)
			if !told {
				told = true
				log.Warn("the daemon returns our lines; its access policy has to allow them")
			}
		}
	}
}

// send sends what is in the queue until ctx or the session ends.
func (s *sender) send(ctx context.Context, sess Session) error {
	q := s.p.queue
	q.rewind() // what is not flushed is sent from its beginning
	s.block = nil
	for {
		for {
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
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-q.wake:
			}
		}
		err := s.sendBlock(ctx, sess, s.block)
		q.letGo(s.block)
		if err != nil {
			return err
		}
		s.block = nil
	}
}

// unreadable deals with a spool that cannot be read: after some patience the sender goes on
// with what is in memory, and leaves the spool's files for later.
func (s *sender) unreadable(ctx context.Context, err error) {
	p := s.p
	if lost, ok := errors.AsType[*lostError](err); ok {
		p.count.damaged.Add(1)
		p.drop(dropDamaged, lost.lines)
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

// sendBlock sends a block of lines and acknowledges it.
func (s *sender) sendBlock(ctx context.Context, sess Session, b *block) error {
	cfg := &s.p.cfg
	if b.id > s.last {
		s.last, s.handed = b.id, 0
	}
	lines := 0
	rest := b.lines
	for _, r := range b.runs {
		for text := rest[:r.n]; len(text) > 0; lines++ {
			n := bytes.IndexByte(text, '\n') + 1
			if err := sess.Multicast(ctx, cfg.Service, cfg.MessType, text[:n], r.to.groups...); err != nil {
				return err
			}
			if b.id < s.last || lines < s.handed {
				s.p.count.resent.Add(1)
			} else {
				s.handed++
			}
			text = text[n:]
		}
		rest = rest[r.n:]
	}
	if err := sess.Flush(ctx); err != nil {
		return err
	}
	s.sent(b.id, lines, len(b.lines))
	return nil
}

// sent counts a block as sent, unless the spool has dropped it meanwhile.
func (s *sender) sent(id uint64, lines, size int) {
	dropped, err := s.p.queue.ack(id)
	if err != nil {
		s.p.spoolTrouble(err)
	}
	if !dropped {
		s.p.count.sent.Add(int64(lines))
		s.p.count.bytes.Add(int64(size))
	}
}
