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
	raw       map[string][]target // those that want envelopes, too
	groups    []string            // sorted
	waiting   map[string]bool     // groups whose join is not confirmed
	joined    bool                // all groups have been joined once
	batches   []batch             // what is to be handed on, by writer
	collected int                 // messages since the last time
	messages  int64               // of these, those of publishers, and the bytes of their payloads
	bytes     int64
	count     connCount

	lost time.Time // when the connection ended; zero before the first

	now        time.Time // when the batch began to come
	streams    streams
	publishers publishers
	complained time.Time // of a message that cannot be read
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

// add adds a route for the group of a log.
func (r *receiver) add(l *Log, w *writer, route *route) {
	if !slices.ContainsFunc(r.batches, func(b batch) bool { return b.w == w }) {
		r.batches = append(r.batches, batch{w: w})
	}
	to := r.byGroup
	if l.Envelope == EnvelopeRaw {
		to = r.raw
	}
	to[l.Group] = addRoutes(to[l.Group], w, route)
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
		if lasted == 0 || len(r.waiting) > 0 {
			r.count.failures.Add(1)
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
	r.count.connects.Add(1)
	r.count.connected.Store(true)
	defer func() {
		r.count.connected.Store(false)
		r.count.joined.Store(0)
	}()
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
		if r.collected == 0 {
			r.now = time.Now()
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
	r.countReceived()
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

// targets returns where a message to groups goes: each log once.
func targets(byGroup map[string][]target, groups []string) (list []target) {
	if len(groups) == 1 || len(byGroup) == 0 {
		return byGroup[groups[0]]
	}
	for i, g := range groups {
		if slices.Contains(groups[:i], g) {
			continue
		}
		for _, t := range byGroup[g] {
			list = addRoutes(list, t.w, t.routes...)
		}
	}
	return list
}

// put collects a message, or a line of one, for its targets.
func (r *receiver) put(to []target, it item) {
	switch limit := r.s.cfg.BufferSize; {
	case len(to) == 0:
		return
	case limit > 0 && len(it.payload) > limit && r.s.cfg.Truncate:
		r.s.count.truncated.Add(1)
		it.payload = truncate(it.payload, limit)
	case limit > 0 && len(it.payload) > limit:
		r.s.dropMessage(dropTooLong, len(it.payload))
		return
	}
	for _, t := range to {
		it.routes = t.routes
		for i := range r.batches {
			if b := &r.batches[i]; b.w == t.w {
				b.items = append(b.items, it)
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
	r.count.joined.Add(1)
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
