package logsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink"
)

// Subscriber is a running logsub.
type Subscriber struct {
	cfg       Config
	began     uint64 // when it was made, in nanoseconds since 1970, as epochs are
	files     *filesink.Files
	asked     fsutil.Latest[filesink.FileStats]
	perl      *writer   // of all Perl functions; nil without Perl
	writers   []*writer // one per sink; the first is that of the files
	receivers []*receiver
	routes    []*route
	lists     []*groupList
	relist    chan struct{} // lists are to be read at once
	ready     chan struct{}
	instance  uint64 // a random number of this process
	count     counters
	healer    *healer      // nil without Heal.Listen
	pending   atomic.Int64 // connections that have not joined yet
}

// New checks the configuration and opens the files, so that mistakes in either are errors now and
// not in the middle of the night.
func New(cfg Config) (*Subscriber, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Subscriber{cfg: cfg, began: uint64(max(0, cfg.Now().UnixNano())), ready: make(chan struct{}), relist: make(chan struct{}, 1), instance: rand.Uint64()}
	s.openFiles()
	// Modules are loaded before files are opened, as in spreadlogd.
	if cfg.usesPerl() {
		if err := s.openPerl(); err != nil {
			return nil, err
		}
	}
	for i, conn := range cfg.Connections {
		r := s.newReceiver(i, conn.Address)
		for _, l := range conn.Logs {
			w, route, err := s.route(&l)
			if err != nil {
				return nil, errors.Join(fmt.Errorf("%s: %w", l.source(), err), s.closeAll())
			}
			r.add(&l, w, route)
			if l.GroupsFile != "" {
				s.openList(r, &l, w, route)
			} else {
				r.restore(route, []string{l.Group})
			}
			s.routes = append(s.routes, route)
		}
		r.publish()
		r.restoreWritten()
		if len(conn.Logs) == 0 {
			cfg.Log.Warn("no groups to join; not connecting to daemon", slog.String("daemon", conn.Address))
			continue
		}
		if err := r.open(); err != nil {
			return nil, errors.Join(err, s.closeAll())
		}
		s.receivers = append(s.receivers, r)
	}
	for _, r := range s.receivers {
		r.acks.reg.SetStore(s.store())
	}
	if s.healer, err = openHealer(s); err != nil {
		return nil, errors.Join(err, s.closeAll())
	}
	s.pending.Store(int64(len(s.receivers)))
	return s, nil
}

// Ready is closed when every connection has joined its groups for the first time.
func (s *Subscriber) Ready() <-chan struct{} { return s.ready }

// joined notes that a connection has joined all its groups.
func (s *Subscriber) joined() {
	if s.pending.Add(-1) == 0 {
		close(s.ready)
	}
}

// Reopen closes and opens all files, after they have been renamed, starts commands again, calls the
// functions for HUP of Perl modules, and reads lists of groups again. It returns at once.
func (s *Subscriber) Reopen() {
	s.count.reopens.Add(1)
	for _, w := range s.writers {
		w.requestReopen()
	}
	select {
	case s.relist <- struct{}{}:
	default: // already requested
	}
}

// Run subscribes and writes until ctx ends. Then it writes what it has received, closes the sinks,
// and returns their errors.
func (s *Subscriber) Run(ctx context.Context) error {
	var receivers, others, writers sync.WaitGroup
	for _, r := range s.receivers {
		receivers.Go(func() { r.run(ctx) })
		others.Go(func() { r.acks.run(ctx) })
	}
	others.Go(func() { s.logStats(ctx) })
	if len(s.lists) > 0 {
		others.Go(func() { s.followLists(ctx) })
	}
	if s.healer != nil {
		others.Go(func() { s.healer.run(ctx) })
	}
	done := make(chan struct{})
	errs := make([]error, len(s.writers))
	for i, w := range s.writers {
		writers.Go(func() { errs[i] = w.run(ctx, done) })
	}
	receivers.Wait()
	close(done)
	writers.Wait()
	others.Wait()
	for _, r := range s.receivers {
		others.Go(func() {
			r.acks.finish()
			_ = r.client.Close() // nothing is sent that could be lost
		})
	}
	others.Wait()
	s.cfg.Log.Info("stopped", s.attrs()...)
	return errors.Join(errs...)
}

// wakeAcks says that writers have written more.
func (s *Subscriber) wakeAcks() {
	for _, r := range s.receivers {
		r.acks.signal()
	}
}

// logStats logs the counters from time to time.
func (s *Subscriber) logStats(ctx context.Context) {
	tick, stop := ticker(s.cfg.StatsInterval)
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			s.cfg.Log.Info("running", s.attrs()...)
		}
	}
}
