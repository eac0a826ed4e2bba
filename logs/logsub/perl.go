package logsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"regexp"
	"slices"

	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink"
	"github.com/spreadd/spreadd/logs/internal/sink/perlsink"
)

// Perl is code that was written for spreadlogd, in an interpreter of its own.
type Perl struct {
	// Program is perl's path, or its name in PATH; empty means "perl".
	Program string
	// Load is done in this order, before any function is called.
	Load []perlsink.Step
	// Hup are functions that are called without arguments when modules have been loaded, and by
	// [Subscriber.Reopen].
	Hup []string
}

// perlSink is the name of the sink that all logs with Perl functions share.
const perlSink = "perl"

var (
	errPerlAndFile  = errors.New("a log has a file or a Perl function: write two logs for both")
	errKeepPerl     = errors.New("what goes to Perl cannot be cut, compressed or removed: that is for files")
	errPerlFunction = errors.New("no name of a Perl function: want PACKAGE::FUNCTION")
)

// perlName is a name as it may stand in Perl, with both separators of packages.
var perlName = regexp.MustCompile(`^(?:::)?[A-Za-z_]\w*(?:(?:::|')\w+)*$`)

// checkPerlName finds out what cannot be the name of a function.
func checkPerlName(name string) error {
	if !perlName.MatchString(name) {
		return fmt.Errorf("%q is %w", name, errPerlFunction)
	}
	return nil
}

// check finds what cannot be loaded.
func (p *Perl) check() error {
	for _, s := range p.Load {
		if (s.Lib == "") == (s.Use == "") {
			return errors.New("logsub: a step of loading Perl modules has to name a directory or a module")
		}
	}
	for _, name := range p.Hup {
		if err := checkPerlName(name); err != nil {
			return fmt.Errorf("logsub: %w", err)
		}
	}
	return nil
}

// perlFunctions are those of all logs, each once.
func (c *Config) perlFunctions() []string {
	var names []string
	for _, conn := range c.Connections {
		for i := range conn.Logs {
			if name := conn.Logs[i].Perl; name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// usesPerl reports whether there is something for Perl to do. A module may be loaded for what it does then.
func (c *Config) usesPerl() bool {
	return len(c.Perl.Load) > 0 || len(c.Perl.Hup) > 0 || len(c.perlFunctions()) > 0
}

// FindPerl says whether the program that the configuration needs for its Perl modules is
// there. [New] says so too; this does not run it.
func (c *Config) FindPerl() error {
	if !c.usesPerl() {
		return nil
	}
	_, err := perlsink.Find(c.Perl.Program)
	return err
}

// startPerl starts the writer of all logs with Perl functions, and Perl.
func (s *Subscriber) startPerl() error {
	log := s.cfg.Log
	p := &perlFunctions{numbers: make(map[string]int)}
	names := s.cfg.perlFunctions()
	for i, name := range names {
		p.numbers[name] = i
	}
	var err error
	p.perl, err = perlsink.Start(perlsink.Config{
		Program: s.cfg.Perl.Program, Load: s.cfg.Perl.Load, Functions: names, Hup: s.cfg.Perl.Hup,
		// A batch is all that it ever has.
		QueueBytes: math.MaxInt, EndWait: s.cfg.CommandWait,
		OnEvent: func(what string, err error) { log.Warn(what, slog.Any("error", err)) }, //nolint:sloglint // each is a constant of package perllog
		Output:  func(line string) { log.Warn("perl says", slog.String("text", line)) },
	})
	if err != nil {
		return fmt.Errorf("logsub: %w", err)
	}
	w := newWriter(s, perlSink)
	if w.lane, err = newLane(&s.cfg, perlSink, p, queue.Config{}); err != nil {
		return errors.Join(err, p.Close())
	}
	s.perl = p
	s.writers = append(s.writers, w)
	s.perlWriter = w
	return nil
}

// perlRoute makes the route of a log with a Perl function.
func (s *Subscriber) perlRoute(l *Log) (*writer, *route) {
	r := newRoute(&s.cfg, l, nil)
	r.lane, r.perl = s.perlWriter.lane, []byte(l.Perl)
	return s.perlWriter, r
}

// perlFunctions are a sink: the functions of all logs that have one, in one interpreter.
type perlFunctions struct {
	perl    *perlsink.Helper
	numbers map[string]int // of functions, by name
}

// Write implements slowSink. A batch is acknowledged when its last line has been worked off; if ctx ends
// before, Perl is stopped, and what it had not begun with stays in the queue.
func (p *perlFunctions) Write(ctx context.Context, b *queue.Batch) error {
	acked, before := b.Acked(), p.perl.Handled()
	for _, e := range b.Entries() {
		n, ok := p.numbers[string(e.Vhost)]
		if !ok { // from the spool of another configuration
			n = perlsink.NoFunction
		}
		p.perl.Put(n, e.Sender, e.Group, e.Line)
	}
	err := p.perl.Drain(ctx)
	if err != nil {
		p.perl.Stop()
	}
	b.Ack(acked + int(p.perl.Handled()-before))
	return err
}

// Idle implements slowSink: Perl looks after itself.
func (p *perlFunctions) Idle(context.Context) error { return nil }

// Reopen implements slowSink.
func (p *perlFunctions) Reopen() error {
	p.perl.Hup()
	return nil
}

// reopenNow implements impatient: functions for HUP come before the rest of a batch.
func (p *perlFunctions) reopenNow() { p.perl.Hup() }

// Close implements slowSink. Perl ends by itself, unless Write has stopped it.
func (p *perlFunctions) Close() error { return p.perl.Close() }

// Stats implements slowSink. A message that a function died of is lost to it.
func (p *perlFunctions) Stats() sink.Stats {
	st := p.perl.Stats()
	return sink.Stats{Records: st.Returned, DroppedRecords: st.Died + st.Interrupted, Errors: st.Died + st.DiedHup + st.Starts - 1, Waiting: st.WaitingBytes}
}

// Stats of Perl, of which there are none without it.
func (s *Subscriber) perlStats() perlsink.Stats {
	if s.perl == nil {
		return perlsink.Stats{}
	}
	return s.perl.perl.Stats()
}

// perlAttrs are the counters for a line of the log: those that say something.
func perlAttrs(st *perlsink.Stats) []any {
	args := []any{slog.Int64("perl_calls", st.Returned+st.Died)}
	for _, c := range []struct {
		key string
		n   int64
	}{
		{"perl_died", st.Died + st.DiedHup},
		{"perl_restarts", st.Starts - 1},
		{"perl_interrupted", st.Interrupted},
	} {
		if c.n > 0 {
			args = append(args, slog.Int64(c.key, c.n))
		}
	}
	return args
}
