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

	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink/logpath"
)

// filesName is the name of the sink that all files are.
const filesName = "files"

// Subscriber is a running logsub.
type Subscriber struct {
	cfg        Config
	writers    []*writer      // the first is that of the files
	perl       *perlFunctions // nil without
	perlWriter *writer        // that of logs with Perl functions
	receivers  []*receiver
	routes     []*route
	ready      chan struct{}
	count      counters
	pending    atomic.Int64 // connections that have not joined yet
}

// New checks the configuration and opens the files: what is wrong with either is
// an error now and not in the middle of the night.
func New(cfg Config) (*Subscriber, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Subscriber{cfg: cfg, ready: make(chan struct{})}
	s.writers = []*writer{newWriter(s, filesName)}
	// Modules are loaded before files are opened, as in spreadlogd.
	if cfg.usesPerl() {
		if err := s.startPerl(); err != nil {
			return nil, err
		}
	}
	for i, conn := range cfg.Connections {
		r := &receiver{
			s: s, index: i, address: conn.Address,
			byGroup: make(map[string][]target), raw: make(map[string][]target), waiting: make(map[string]bool),
		}
		for _, l := range conn.Logs {
			w, route, err := s.route(&l)
			if err != nil {
				return nil, errors.Join(fmt.Errorf("group %q: %w", l.Group, err), s.closeAll())
			}
			r.add(&l, w, route)
			r.remember(route)
			route.name = l.File
			if w != s.writers[0] {
				route.name = w.label
			}
			s.routes = append(s.routes, route)
		}
		groups := slices.AppendSeq(slices.Collect(maps.Keys(r.byGroup)), maps.Keys(r.raw))
		slices.Sort(groups)
		if r.groups = slices.Compact(groups); len(r.groups) == 0 {
			cfg.Log.Warn("nothing to take from a daemon, not connecting to it", slog.String("daemon", conn.Address))
			continue
		}
		s.receivers = append(s.receivers, r)
	}
	s.pending.Store(int64(len(s.receivers)))
	return s, nil
}

// closeAll closes what New has opened.
func (s *Subscriber) closeAll() error {
	var errs []error
	for _, w := range s.writers {
		errs = append(errs, w.files.close())
		if w.lane != nil {
			errs = append(errs, w.lane.close())
		}
	}
	return errors.Join(errs...)
}

// route makes the route of a log, and opens its file if there is one that is
// always the same. It returns the writer of the route.
func (s *Subscriber) route(l *Log) (*writer, *route, error) {
	if l.SQL != nil {
		return s.sqlRoute(l)
	}
	if l.Perl != "" {
		w, r := s.perlRoute(l)
		return w, r, nil
	}
	if text, ok := l.command(); ok {
		return s.commandRoute(l, text)
	}
	w := s.writers[0]
	t, err := logpath.Parse(l.File)
	if err != nil {
		return nil, nil, err
	}
	r := newRoute(&s.cfg, l, t)
	keep := w.files.keeper(t, l)
	if !t.Static() {
		// What is missing is told now, and not with the first line.
		if st, err := os.Stat(t.Base()); err != nil || !st.IsDir() {
			return nil, nil, fmt.Errorf("the directory %s is not there: make it; those below it are made as they are needed", t.Base())
		}
		if r.index, err = w.files.index(keep, t, l, s.cfg.Now()); err != nil {
			return nil, nil, err
		}
		r.tree = &tree{template: t, keep: keep, files: make(map[string]*outFile), monotone: l.Clock != ClockLine}
		return w, r, nil
	}
	if r.index, err = w.files.index(keep, t, l, s.cfg.Now()); err != nil {
		return nil, nil, err
	}
	path := string(t.Append(nil, &logpath.Names{}, time.Time{}))
	r.static, err = w.files.open(path, keep)
	return w, r, err
}

// commandRoute starts a command. Logs with the same one share it.
func (s *Subscriber) commandRoute(l *Log, text string) (*writer, *route, error) {
	r := newRoute(&s.cfg, l, nil)
	i := slices.IndexFunc(s.writers, func(w *writer) bool { return w.name == l.File })
	if i < 0 {
		i = len(s.writers)
		w := newWriter(s, l.File)
		c := newCommandSink(&s.cfg, text)
		lane, err := newLane(&s.cfg, l.File, c, queue.Config{RetryLast: retryInterval})
		if err != nil {
			return nil, nil, err
		}
		lane.report(c.Open())
		w.lane = lane
		s.writers = append(s.writers, w)
	}
	w := s.writers[i]
	r.lane = w.lane
	return w, r, nil
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
// away, and for commands to be started anew. It returns at once.
func (s *Subscriber) Reopen() {
	s.count.reopens.Add(1)
	for _, w := range s.writers {
		w.askReopen()
	}
}

// Run subscribes and writes until ctx ends; then it writes what has come, closes the files,
// and returns nil or what went wrong with them.
func (s *Subscriber) Run(ctx context.Context) error {
	var receivers, others, writers sync.WaitGroup
	for _, r := range s.receivers {
		receivers.Go(func() { r.run(ctx) })
	}
	others.Go(func() { s.tell(ctx) })
	for _, w := range s.writers {
		for _, k := range w.files.keepers {
			if k.archiver != nil {
				others.Go(func() { k.archiver.Run(ctx) })
			}
		}
	}
	done := make(chan struct{})
	errs := make([]error, 2*len(s.writers))
	for i, w := range s.writers {
		writers.Go(func() { errs[2*i] = w.run(done) })
		if w.lane != nil {
			writers.Go(func() { errs[2*i+1] = w.lane.run() })
		}
	}
	receivers.Wait()
	close(done)
	writers.Wait()
	others.Wait()
	s.cfg.Log.Info("stopped", s.attrs()...)
	return errors.Join(errs...)
}

// tell logs the counters now and then.
func (s *Subscriber) tell(ctx context.Context) {
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
