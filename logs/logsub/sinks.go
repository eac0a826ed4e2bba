package logsub

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink"
	"github.com/spreadd/spreadd/logs/internal/sink/commandsink"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logpath"
	"github.com/spreadd/spreadd/logs/internal/sink/perlsink"
	"github.com/spreadd/spreadd/logs/internal/sink/sqlsink"
)

// Names of sinks that exist once.
const (
	filesName = "files" // all files
	perlName  = "perl"  // all Perl functions
)

// openFiles adds the sink of all files.
func (s *Subscriber) openFiles() {
	s.files = filesink.New(filesink.Config{
		NoLock: s.cfg.NoLock, LimitBytes: s.cfg.QueueBytes, OpenFiles: s.cfg.OpenFiles, BatchBytes: s.cfg.BatchBytes,
		Sync: s.cfg.sync(), Disk: s.cfg.Disk, Log: s.cfg.Log,
	})
	s.newWriter(filesName, s.files)
}

// route returns the route of a log and the writer of its sink, which it opens if needed. Logs share
// sinks.
func (s *Subscriber) route(l *Log) (*writer, *route, error) {
	if l.File != "" {
		if text, ok := l.command(); ok {
			return s.commandRoute(l, text)
		}
		return s.fileRoute(l)
	}
	if l.SQL != nil {
		return s.sqlRoute(l)
	}
	return s.perlRoute(l)
}

func (s *Subscriber) fileRoute(l *Log) (*writer, *route, error) {
	t, err := logpath.Parse(l.File)
	if err != nil {
		return nil, nil, err
	}
	out, err := s.files.Open(filesink.Log{
		Group: cmp.Or(l.Group, listLabel), Template: t, Keep: l.Keep, Access: l.Access.Or(s.cfg.Access), Index: l.Envelope == EnvelopeIndex,
		EveryLine: len(l.Match) == 0 && !l.Filter.Active(), BackAndForth: l.Clock == ClockLine,
	}, s.cfg.Now())
	if err != nil {
		return nil, nil, err
	}
	r := s.newRoute(l, l.File, out, t.Uses(logpath.VHost), t.Timed())
	r.file = out
	if out.Indexed() {
		r.index = out
	}
	return s.writers[0], r, nil
}

func (s *Subscriber) commandRoute(l *Log, text string) (*writer, *route, error) {
	w, err := s.queued(l.File, queue.Config{RetryLast: retryInterval}, func() (sink.Deliverer, error) {
		return commandsink.New(text, commandsink.Options{
			Output: s.cfg.Output, EndWait: s.cfg.CommandWait, Log: s.cfg.Log.With(slog.String("sink", l.File)),
		}), nil
	})
	if err != nil {
		return nil, nil, err
	}
	return w, s.newRoute(l, w.label, w.queued.Outlet(""), false, false), nil
}

// sqlBatchBytes bounds a transaction well below what servers accept in one packet.
const sqlBatchBytes = 1 << 20

func (s *Subscriber) sqlRoute(l *Log) (*writer, *route, error) {
	name := sqlName(l.SQL)
	lines, delay := l.SQL.Batch()
	w, err := s.queued(name, queue.Config{BatchLines: lines, BatchBytes: sqlBatchBytes, BatchDelay: delay}, func() (sink.Deliverer, error) {
		cfg := *l.SQL
		cfg.Refused = (&refusals{log: s.cfg.Log.With(slog.String("sink", name))}).report
		d, err := sqlsink.New(cfg)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return d, nil
	})
	if err != nil {
		return nil, nil, err
	}
	return w, s.newRoute(l, w.label, w.queued.Outlet(""), l.uses(sqlsink.VHost), l.uses(sqlsink.Time)), nil
}

func sqlName(c *sqlsink.Config) string { return cmp.Or(c.Name, c.DefaultName()) }

// uses reports whether the table of a log has a column for a field.
func (l *Log) uses(f sqlsink.Field) bool {
	for _, c := range l.SQL.Columns {
		if c.Field == f {
			return true
		}
	}
	return false
}

// refusals logs that a database refuses lines, once a [sink.ComplainInterval].
type refusals struct {
	log      *slog.Logger
	reported time.Time
}

func (r *refusals) report(err error) {
	if now := time.Now(); now.Sub(r.reported) >= sink.ComplainInterval {
		r.reported = now
		r.log.Error("database refuses lines; they are dropped and counted", slog.Any("error", err))
	}
}

// openPerl starts Perl and adds the sink of all Perl functions.
func (s *Subscriber) openPerl() error {
	log := s.cfg.Log
	w, err := s.queued(perlName, queue.Config{RetryLast: retryInterval}, func() (sink.Deliverer, error) {
		return perlsink.Start(perlsink.Config{
			Program: s.cfg.Perl.Program, Load: s.cfg.Perl.Load, Functions: s.cfg.perlFunctions(), Hup: s.cfg.Perl.Hup,
			EndWait: s.cfg.CommandWait,
			OnEvent: func(what string, err error) { log.Warn(what, slog.Any("error", err)) }, //nolint:sloglint // each is a constant of package perlsink
			Output:  func(line string) { log.Warn("perl printed", slog.String("text", line)) },
		})
	})
	if err != nil {
		return fmt.Errorf("logsub: %w", err)
	}
	s.perl = w
	return nil
}

func (s *Subscriber) perlRoute(l *Log) (*writer, *route, error) {
	return s.perl, s.newRoute(l, s.perl.label, s.perl.queued.Outlet(l.Perl), false, false), nil
}

// queued returns the writer of a sink with a queue. If there is none with the name, it opens one.
func (s *Subscriber) queued(name string, cfg queue.Config, open func() (sink.Deliverer, error)) (*writer, error) {
	for _, w := range s.writers {
		if w.name == name {
			return w, nil
		}
	}
	d, err := open()
	if err != nil {
		return nil, err
	}
	cfg.LimitBytes, cfg.Spool, cfg.SpoolBytes = s.cfg.QueueBytes, s.cfg.Spool, s.cfg.SpoolBytes
	to, err := sink.NewQueued(d, sink.QueuedConfig{Name: name, Queue: cfg, EndWait: s.cfg.commandWait(), Log: s.cfg.Log})
	if err != nil {
		return nil, err
	}
	return s.newWriter(name, to), nil
}

// closeAll closes what New has opened.
func (s *Subscriber) closeAll() error {
	var errs []error
	for _, w := range s.writers {
		errs = append(errs, w.sink.Close())
	}
	if s.healer != nil {
		errs = append(errs, s.healer.listener.Close())
	}
	return errors.Join(errs...)
}
