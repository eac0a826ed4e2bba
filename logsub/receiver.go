package logsub

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

// Back-off between attempts to connect.
const (
	backoffFirst = 50 * time.Millisecond
	backoffLast  = 5 * time.Second
)

// receiveBatch bounds how many messages the receiver collects before it hands
// them on.
const receiveBatch = 256

// receiver keeps one connection and hands what comes to the queue.
type receiver struct {
	s         *Subscriber
	index     int // of the connection
	address   string
	byGroup   map[string][]target
	groups    []string        // sorted
	waiting   map[string]bool // groups whose join is not confirmed
	joined    bool            // all groups have been joined once
	batches   []batch         // what is to be handed on, by writer
	collected int             // messages since the last time

	lost time.Time // when the connection ended; zero before the first
}

// target is what is to be done for a group by one writer.
type target struct {
	w      *writer
	routes []*route
}

// batch is what a writer will get.
type batch struct {
	w     *writer
	items []item
}

// add adds a route for a group.
func (r *receiver) add(group string, w *writer, route *route) {
	if !slices.ContainsFunc(r.batches, func(b batch) bool { return b.w == w }) {
		r.batches = append(r.batches, batch{w: w})
	}
	r.byGroup[group] = addRoutes(r.byGroup[group], w, route)
}

// addRoutes adds routes of a writer to targets.
func addRoutes(targets []target, w *writer, routes ...*route) []target {
	for i := range targets {
		if targets[i].w == w {
			targets[i].routes = append(targets[i].routes, routes...)
			return targets
		}
	}
	return append(targets, target{w, slices.Clone(routes)})
}

// run connects again and again until ctx ends.
func (r *receiver) run(ctx context.Context) {
	backoff := backoffFirst
	failing := false
	for {
		lasted, err := r.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		if lasted > 0 {
			failing = false
		}
		if lasted > backoffLast {
			backoff = backoffFirst
		}
		if !failing {
			failing = true
			r.s.cfg.Log.Warn("no connection to the daemon, trying on", slog.String("daemon", r.address), slog.Any("error", err))
		}
		// Half of it is by chance, so that a farm of subscribers does not
		// come back in one moment.
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
// long there was a session.
func (r *receiver) connect(ctx context.Context) (lasted time.Duration, err error) {
	sess, err := r.dial(ctx)
	if err != nil {
		return 0, err
	}
	defer sess.Kill() // without effect after Close
	connected := time.Now()
	r.s.count.connects.Add(1)
	clear(r.waiting)
	for _, g := range r.groups {
		r.waiting[g] = true
	}
	err = r.subscribe(ctx, sess)
	now := time.Now()
	if len(r.waiting) == 0 {
		r.lost = now
	}
	if ctx.Err() != nil {
		err = sess.Close()
	}
	return max(now.Sub(connected), 1), err
}

func (r *receiver) dial(ctx context.Context) (Session, error) {
	ctx, cancel := context.WithTimeout(ctx, backoffLast)
	defer cancel()
	sess, err := r.s.cfg.Dial(ctx, r.address, r.name())
	if errors.Is(err, spread.ErrRejectNotUnique) {
		// The daemon has not yet noticed the end of the session before.
		sess, err = r.s.cfg.Dial(ctx, r.address, "")
	}
	return sess, err
}

// subscribe joins the groups and receives.
func (r *receiver) subscribe(ctx context.Context, sess Session) error {
	for _, g := range r.groups {
		if err := sess.Join(ctx, g); err != nil {
			return fmt.Errorf("joining %q: %w", g, err)
		}
	}
	return r.receive(ctx, sess)
}

// name is the private name that we wish for: it tells an operator which process
// it is.
func (r *receiver) name() string {
	name := "ls" + strconv.Itoa(os.Getpid())
	if r.index > 0 {
		name += string(rune('a' + r.index%26))
	}
	return name[:min(len(name), 10)]
}

// receive hands on what comes, in batches of what has come already.
func (r *receiver) receive(ctx context.Context, sess Session) error {
	defer r.handOn()
	for {
		ev, err := sess.Receive(ctx)
		if err != nil {
			return err
		}
		switch ev := ev.(type) {
		case *spread.Message:
			r.message(ev)
		case *spread.Membership:
			r.membership(ev, sess.PrivateGroup())
		}
		if r.collected++; r.collected >= receiveBatch || !sess.Ready() {
			r.handOn()
		}
	}
}

func (r *receiver) handOn() {
	r.collected = 0
	for i := range r.batches {
		b := &r.batches[i]
		if len(b.items) == 0 {
			continue
		}
		b.w.put(b.items)
		clear(b.items)
		b.items = b.items[:0]
	}
}

// message finds the logs of a message: each once, whatever its list of groups.
func (r *receiver) message(m *spread.Message) {
	c := &r.s.count
	c.messages.Add(1)
	c.bytes.Add(int64(len(m.Payload)))
	var targets []target
	if len(m.Groups) == 1 {
		targets = r.byGroup[m.Groups[0]]
	} else {
		for i, g := range m.Groups {
			if slices.Contains(m.Groups[:i], g) {
				continue
			}
			for _, t := range r.byGroup[g] {
				targets = addRoutes(targets, t.w, t.routes...)
			}
		}
	}
	payload := m.Payload
	switch limit := r.s.cfg.BufferSize; {
	case len(targets) == 0:
		// Private messages, and groups that others of the list name.
		r.s.drop(dropNoLog, 1)
		return
	case limit > 0 && len(payload) > limit && r.s.cfg.Truncate:
		c.truncated.Add(1)
		payload = truncate(payload, limit)
	case limit > 0 && len(payload) > limit:
		r.s.drop(dropTooLong, 1)
		return
	}
	for _, t := range targets {
		for i := range r.batches {
			if b := &r.batches[i]; b.w == t.w {
				b.items = append(b.items, item{t.routes, m.Sender, payload})
			}
		}
	}
}

// truncate cuts a message to limit bytes and keeps a newline at its end.
func truncate(b []byte, limit int) []byte {
	if b[len(b)-1] != '\n' {
		return b[:limit]
	}
	return append(slices.Clone(b[:limit-1]), '\n')
}

// membership notes that a join is confirmed.
func (r *receiver) membership(m *spread.Membership, own string) {
	if m.Cause != spread.CauseJoin || m.Changed != own || !r.waiting[m.Group] {
		return
	}
	delete(r.waiting, m.Group)
	log := r.s.cfg.Log.With(slog.String("group", m.Group), slog.String("daemon", r.address), slog.String("session", own))
	if r.lost.IsZero() {
		log.Info("joined")
	} else {
		log.Warn("joined again; what was sent in between is missing", slog.String("away", time.Since(r.lost).Round(time.Millisecond).String()))
	}
	if len(r.waiting) == 0 && !r.joined {
		r.joined = true
		r.s.joined()
	}
}
