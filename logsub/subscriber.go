package logsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Subscriber is a running logsub.
type Subscriber struct {
	cfg       Config
	queue     *queue
	files     *files
	receivers []*receiver
	reopen    chan struct{}
	ready     chan struct{}
	count     counters
	pending   atomic.Int64 // connections that have not joined yet
	items     []item       // that are being written; the writer's
}

// New checks the configuration and opens the files: what is wrong with either is
// an error now and not in the middle of the night.
func New(cfg Config) (*Subscriber, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Subscriber{
		cfg:    cfg,
		queue:  newQueue(cfg.QueueBytes),
		files:  newFiles(&cfg),
		reopen: make(chan struct{}, 1),
		ready:  make(chan struct{}),
	}
	for i, conn := range cfg.Connections {
		r := &receiver{
			s: s, index: i, address: conn.Address,
			byGroup: make(map[string][]*route), waiting: make(map[string]bool),
		}
		for _, l := range conn.Logs {
			route, err := s.route(&l)
			if err != nil {
				return nil, errors.Join(fmt.Errorf("group %q: %w", l.Group, err), s.files.close())
			}
			r.byGroup[l.Group] = append(r.byGroup[l.Group], route)
		}
		if r.groups = slices.Sorted(maps.Keys(r.byGroup)); len(r.groups) == 0 {
			cfg.Log.Warn("nothing to take from a daemon, not connecting to it", slog.String("daemon", conn.Address))
			continue
		}
		s.receivers = append(s.receivers, r)
	}
	s.pending.Store(int64(len(s.receivers)))
	return s, nil
}

// route makes the route of a log, and opens its file if there is one that is
// always the same.
func (s *Subscriber) route(l *Log) (*route, error) {
	r, err := newRoute(&s.cfg, l)
	if err != nil {
		return nil, err
	}
	keep := s.files.keeper(r.template, l)
	if r.tree != nil {
		r.tree.keep = keep
		// What is missing is told now, and not with the first line.
		if st, err := os.Stat(r.tree.template.Base()); err != nil || !st.IsDir() {
			return nil, fmt.Errorf("the directory %s is not there: make it; those below it are made as they are needed", r.tree.template.Base())
		}
		return r, nil
	}
	r.static, err = s.files.open(r.path, keep)
	return r, err
}

// Ready is closed when every connection has joined its groups for the first
// time.
func (s *Subscriber) Ready() <-chan struct{} { return s.ready }

// joined notes that a connection has joined all its groups.
func (s *Subscriber) joined() {
	if s.pending.Add(-1) == 0 {
		close(s.ready)
	}
}

// Reopen asks for all files to be closed and opened again, after they have been moved
// away. It returns at once.
func (s *Subscriber) Reopen() {
	select {
	case s.reopen <- struct{}{}:
	default: // it has been asked for
	}
}

// Run subscribes and writes until ctx ends; then it writes what has come, closes the files,
// and returns nil or what went wrong with them.
func (s *Subscriber) Run(ctx context.Context) error {
	var wg, archivers sync.WaitGroup
	for _, r := range s.receivers {
		wg.Go(func() { r.run(ctx) })
	}
	for _, k := range s.files.keepers {
		if k.archiver != nil {
			archivers.Go(func() { k.archiver.Run(ctx) })
		}
	}
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	s.write(done)
	archivers.Wait()
	err := s.files.close()
	s.cfg.Log.Info("stopped", s.attrs()...)
	return err
}

// retryInterval is how often files that could not be written are tried again
// when nothing else happens.
const retryInterval = time.Second

// ticker returns the channel of a ticker, and how to stop it; a channel that is
// silent if the interval is not above zero.
func ticker(interval time.Duration) (tick <-chan time.Time, stop func()) {
	if interval <= 0 {
		return nil, func() {}
	}
	t := time.NewTicker(interval)
	return t.C, t.Stop
}

// write is the writer: it writes what there is until done is closed and
// nothing is left.
func (s *Subscriber) write(done <-chan struct{}) {
	retry, stopRetry := ticker(retryInterval)
	defer stopRetry()
	stats, stopStats := ticker(s.cfg.StatsInterval)
	defer stopStats()
	fsync, stopSync := ticker(s.cfg.SyncInterval)
	defer stopSync()
	flush := time.NewTimer(0)
	defer flush.Stop()
	flushing := false // the timer runs
	for {
		select {
		case <-s.queue.wake:
			s.writeAll()
			if s.cfg.FlushDelay <= 0 {
				s.files.flush()
			} else if !flushing {
				flush.Reset(s.cfg.FlushDelay)
				flushing = true
			}
		case <-flush.C:
			flushing = false
			s.files.flush()
		case now := <-retry:
			s.files.retry()
			s.files.closeIdle(now)
		case <-fsync:
			s.files.sync()
		case <-stats:
			s.cfg.Log.Info("running", s.attrs()...)
		case <-s.reopen:
			s.writeAll()
			s.files.reopen()
			s.count.reopens.Add(1)
		case <-done:
			s.writeAll()
			s.files.flush()
			return
		}
	}
}

// writeAll takes what has come to the files.
func (s *Subscriber) writeAll() {
	for {
		s.items = s.queue.take(s.items)
		if len(s.items) == 0 {
			return
		}
		now := s.cfg.Now()
		s.files.now = now
		for i := range s.items {
			it := &s.items[i]
			for _, r := range it.routes {
				r.write(s, it, now)
			}
		}
	}
}
