package logmon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spreadd/spreadd/spread"
)

// receiveBatch bounds how many messages are collected before they are handed on.
const receiveBatch = 256

// receiver keeps a connection and hands what comes to the queue.
type receiver struct {
	m       *Monitor
	waiting map[string]bool // groups whose join is not confirmed
	batch   []item
}

// run connects again and again until ctx ends, each time to the next daemon.
func (r *receiver) run(ctx context.Context) {
	backoff := backoffFirst
	failing := false
	for next := 0; ; next++ {
		address := r.m.cfg.Addresses[next%len(r.m.cfg.Addresses)]
		lasted, err := r.connect(ctx, address)
		if ctx.Err() != nil {
			return
		}
		if lasted > 0 {
			failing = false
			next = -1 // the first is the one that was wished for
		}
		if lasted > backoffLast {
			backoff = backoffFirst
		}
		r.m.fail(err)
		if !failing {
			failing = true
			r.m.cfg.Log.Warn("no connection to the daemon, trying on", slog.String("daemon", address), slog.Any("error", err))
		}
		// Half of it is by chance, so that many monitors do not come back in
		// one moment.
		pause := backoff/2 + rand.N(backoff/2+1)
		backoff = min(2*backoff, backoffLast)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// connect opens one session, joins, and receives until it ends. It returns how
// long all groups were joined.
func (r *receiver) connect(ctx context.Context, address string) (lasted time.Duration, err error) {
	sess, err := r.dial(ctx, address)
	if err != nil {
		return 0, err
	}
	defer sess.Kill() // without effect after Close
	began := time.Now()
	r.waiting = make(map[string]bool)
	for _, g := range r.m.cfg.Groups {
		r.waiting[g] = true
	}
	for _, g := range r.m.cfg.Groups {
		if err := sess.Join(ctx, g); err != nil {
			return 0, fmt.Errorf("joining %q: %w", g, err)
		}
	}
	err = r.receive(ctx, sess, address)
	r.m.disconnected()
	if len(r.waiting) == 0 {
		lasted = max(time.Since(began), 1)
	}
	if ctx.Err() != nil {
		err = sess.Close()
	}
	return lasted, err
}

func (r *receiver) dial(ctx context.Context, address string) (Session, error) {
	ctx, cancel := context.WithTimeout(ctx, backoffLast)
	defer cancel()
	name := "lm" + strconv.Itoa(os.Getpid())
	sess, err := r.m.cfg.Dial(ctx, address, name[:min(len(name), 10)])
	if errors.Is(err, spread.ErrRejectNotUnique) {
		// Another one of us in another container, or our last session, which
		// the daemon still believes in.
		sess, err = r.m.cfg.Dial(ctx, address, "")
	}
	return sess, err
}

// receive hands on what comes, in batches of what has come already.
func (r *receiver) receive(ctx context.Context, sess Session, address string) error {
	defer r.handOn()
	var now time.Time // of the batch
	for {
		ev, err := sess.Receive(ctx)
		if err != nil {
			return err
		}
		if len(r.batch) == 0 {
			now = time.Now()
		}
		switch ev := ev.(type) {
		case *spread.Message:
			r.message(ev, now)
		case *spread.Membership:
			if ev.Cause == spread.CauseJoin && ev.Changed == sess.PrivateGroup() && r.waiting[ev.Group] {
				delete(r.waiting, ev.Group)
				if len(r.waiting) == 0 {
					r.m.connected(address, sess.PrivateGroup())
				}
			}
		}
		if len(r.batch) >= receiveBatch || !sess.Ready() {
			r.handOn()
		}
	}
}

func (r *receiver) handOn() {
	if len(r.batch) == 0 {
		return
	}
	r.m.drop(dropQueue, r.m.queue.Put(r.batch))
	clear(r.batch)
	r.batch = r.batch[:0]
}

// message finds the group that a message came for: the first of its list that we
// have joined.
func (r *receiver) message(m *spread.Message, now time.Time) {
	for _, g := range m.Groups {
		if _, ok := slices.BinarySearch(r.m.cfg.Groups, g); ok {
			r.batch = append(r.batch, item{now, g, m.Sender, m.Payload})
			return
		}
	}
	r.m.drop(dropPrivate, 1)
}
