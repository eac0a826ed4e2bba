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
	p      *Publisher
	block  []byte    // taken from the queue and not known to be sent
	handed int       // lines of it that a session has been given
	lost   time.Time // when the last session ended; zero before the first
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
	for {
		for s.block == nil {
			if s.block = s.p.queue.take(); s.block != nil {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-s.p.queue.wake:
			}
		}
		if err := s.sendBlock(ctx, sess); err != nil {
			return err
		}
	}
}

// sendBlock sends a block of lines and gives it back. If that fails the block
// stays, for the next session.
func (s *sender) sendBlock(ctx context.Context, sess Session) error {
	cfg := &s.p.cfg
	lines := 0
	for rest := s.block; len(rest) > 0; lines++ {
		n := bytes.IndexByte(rest, '\n') + 1
		if err := sess.Multicast(ctx, cfg.Service, cfg.MessType, rest[:n], cfg.Groups...); err != nil {
			return err
		}
		if lines < s.handed {
			s.p.count.resent.Add(1)
		} else {
			s.handed++
		}
		rest = rest[n:]
	}
	if err := sess.Flush(ctx); err != nil {
		return err
	}
	s.p.count.sent.Add(int64(lines))
	s.p.count.bytes.Add(int64(len(s.block)))
	s.block, s.handed = nil, 0
	s.p.queue.release()
	return nil
}
