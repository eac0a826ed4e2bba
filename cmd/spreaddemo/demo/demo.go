package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spreadd/spreadd/cmd/spreaddemo/weblog"
	"github.com/spreadd/spreadd/logs/logpub"
	"github.com/spreadd/spreadd/logs/logsub"
	"github.com/spreadd/spreadd/spread"
)

const (
	// DefaultRounds sends some hundred thousand lines: a second or so.
	DefaultRounds = 25
	// hosts is the number of log hosts.
	hosts = 2
	// patience is for how long nothing may move before the demo gives up.
	patience = 15 * time.Second
	// stillness is for how long nothing moves when everything has arrived.
	stillness = time.Second
	// tick is between two looks at the counters.
	tick = 10 * time.Millisecond
)

// Config says how to run the demo. The zero value is the default, but for Out.
type Config struct {
	// Out is told what happens, in plain text.
	Out io.Writer
	// Terminal redraws the line of progress in place.
	Terminal bool
	// Dir is where the log hosts' files go. Empty means a new directory among
	// the system's temporary ones, which is left there.
	Dir string
	// Rounds is how often each site's log is sent; zero means DefaultRounds.
	Rounds int
	// Log gets the log of all parts; nil discards it.
	Log *slog.Logger
}

// farm is what runs.
type farm struct {
	cfg   Config
	log   *slog.Logger
	sites []weblog.Site
	ring  *ring
	pubs  []*logpub.Publisher
	subs  []*logsub.Subscriber
	began time.Time
	// events are what the line of progress is interrupted for.
	events chan string
}

// Run runs the demo. An error is one of setting it up; how the lines fared is
// in the report.
func Run(ctx context.Context, cfg Config) (_ *Report, err error) {
	if cfg.Rounds == 0 {
		cfg.Rounds = DefaultRounds
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Dir == "" {
		cfg.Dir, err = os.MkdirTemp("", "spreadd-demo-")
	} else {
		cfg.Dir, err = filepath.Abs(cfg.Dir)
	}
	if err != nil {
		return nil, fmt.Errorf("demo: a place for the files: %w", err)
	}
	f := &farm{cfg: cfg, log: cfg.Log, sites: weblog.Sites(), events: make(chan string)}
	if f.ring, err = newRing(ctx, f); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.ring.killAll()) }()
	if err := f.startRing(ctx); err != nil {
		return nil, err
	}
	if err := f.prepare(); err != nil {
		return nil, err
	}
	took, err := f.run(ctx)
	if err != nil {
		return nil, err
	}
	return f.report(took)
}

// startRing starts the daemons and waits for their ring.
func (f *farm) startRing(ctx context.Context) error {
	for i, name := range names {
		if err := f.ring.start(ctx, i); err != nil {
			return err
		}
		f.say("daemon      %s on 127.0.0.1:%d", name, f.ring.ports[i])
	}
	if err := f.ring.await(ctx); err != nil {
		return err
	}
	f.say("ring        %s   (look: spuser -s %s, then: j %s)", strings.Join(names[:], " "), f.ring.address(0), f.sites[0].Group)
	return nil
}

// prepare makes the publishers and subscribers.
func (f *farm) prepare() error {
	for i := range hosts {
		if err := os.MkdirAll(f.hostDir(i), 0o755); err != nil {
			return fmt.Errorf("demo: a directory for log host %d: %w", i+1, err)
		}
		var logs []logsub.Log
		for _, s := range f.sites {
			if err := os.RemoveAll(f.file(i, s)); err != nil {
				return fmt.Errorf("demo: the file of a run before: %w", err)
			}
			logs = append(logs, logsub.Log{Group: s.Group, File: f.file(i, s)})
		}
		sub, err := logsub.New(logsub.Config{
			Connections: []logsub.Connection{{Address: f.ring.address(i), Logs: logs}},
			Log:         f.log.With(slog.Int("host", i+1)),
		})
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		f.subs = append(f.subs, sub)
		f.say("log host %d  logsub at %s, %d groups, files in %s", i+1, names[i], len(logs), f.hostDir(i))
	}
	for i, s := range f.sites {
		pub, err := logpub.New(logpub.Config{
			Address: f.ring.address(i), Groups: []string{s.Group}, Name: fmt.Sprintf("web%d", i+1),
			// A web server does not wait; a file that is read as fast as it
			// can be does, or it would measure how fast lines can be dropped.
			BlockTime: patience, DrainTimeout: patience,
			// One order at all log hosts: RELIABLE, the default, has each
			// daemon deliver what it gets as soon as it gets it.
			Service: spread.Agreed,
			Log:     f.log.With(slog.String("site", s.Name)),
		})
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		f.pubs = append(f.pubs, pub)
		f.say("web host %d  logpub at %s, %s (%s log format), group %s", i+1, names[i], s.Name, s.Format, s.Group)
	}
	return nil
}

func (f *farm) hostDir(i int) string { return filepath.Join(f.cfg.Dir, fmt.Sprintf("loghost%d", i+1)) }

func (f *farm) file(host int, s weblog.Site) string {
	return filepath.Join(f.hostDir(host), s.Group+".log")
}

func (f *farm) say(format string, args ...any) { fmt.Fprintf(f.cfg.Out, format+"\n", args...) }

// source is what a site's web server writes.
func (f *farm) source(s weblog.Site) io.Reader {
	log := s.Log()
	rounds := make([]io.Reader, f.cfg.Rounds)
	for i := range rounds {
		rounds[i] = bytes.NewReader(log)
	}
	return io.MultiReader(rounds...)
}

// run sends everything, waits until it has arrived, and returns how long that
// took. In the middle of it the last daemon is killed, and brought back.
func (f *farm) run(ctx context.Context) (time.Duration, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	subCtx, stopSubs := context.WithCancel(ctx)
	defer stopSubs()
	ends := make(chan error, len(f.subs))
	for _, s := range f.subs {
		go func() { ends <- s.Run(subCtx) }()
	}
	if err := f.waitReady(ctx); err != nil {
		return 0, err
	}
	f.began = time.Now()
	sent := make(chan error, len(f.pubs))
	for i, p := range f.pubs {
		go func() { sent <- p.Run(ctx, f.source(f.sites[i])) }()
	}
	accident := make(chan error, 1)
	go func() { accident <- f.accident(ctx) }()
	took, err := f.watch(ctx, sent, accident)
	stopSubs()
	for range f.subs {
		if e := <-ends; e != nil {
			err = errors.Join(err, fmt.Errorf("demo: a log host: %w", e))
		}
	}
	return took, err
}

func (f *farm) waitReady(ctx context.Context) error {
	limit := time.After(patience)
	for _, s := range f.subs {
		select {
		case <-s.Ready():
		case <-ctx.Done():
			return ctx.Err()
		case <-limit:
			return fmt.Errorf("demo: the log hosts could not join their groups within %v", patience)
		}
	}
	return nil
}

// accident kills the last daemon when a third of the lines have arrived, waits
// for the others to go on without it, and brings it back.
func (f *farm) accident(ctx context.Context) error {
	var total int64
	for _, s := range f.sites {
		total += int64(f.cfg.Rounds) * int64(bytes.Count(s.Log(), []byte("\n")))
	}
	if err := f.until(ctx, func() bool { return f.arrived() >= total/3 }); err != nil {
		return err
	}
	victim := len(names) - 1
	name := names[victim]
	for _, step := range []struct {
		do   func() error
		done string
	}{
		{func() error { return f.ring.kill(victim) }, name + " is killed"},
		{func() error { return f.ring.await(ctx) }, "ring of " + strings.Join(names[:victim], " ")},
		{func() error { return f.ring.start(ctx, victim) }, name + " is started again"},
		{func() error { return f.ring.await(ctx) }, "ring of " + strings.Join(names[:], " ")},
	} {
		if err := step.do(); err != nil {
			return err
		}
		select {
		case f.events <- fmt.Sprintf("%.2f s: %s", time.Since(f.began).Seconds(), step.done):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// until waits for a condition.
func (f *farm) until(ctx context.Context, cond func() bool) error {
	t := time.NewTicker(tick)
	defer t.Stop()
	for !cond() {
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// arrived is how many lines have arrived at every log host.
func (f *farm) arrived() int64 {
	least := f.subs[0].Stats().Messages
	for _, s := range f.subs[1:] {
		least = min(least, s.Stats().Messages)
	}
	return least
}

// watch shows progress until all that was sent has arrived everywhere, or
// nothing has moved for a while. It returns when the last line arrived.
//
// What a killed daemon had taken and not put on the ring does not arrive, so the
// end is when the publishers are done and the log hosts have been still, with
// the same number of lines, for a moment.
func (f *farm) watch(ctx context.Context, sent, accident <-chan error) (time.Duration, error) {
	t := time.NewTicker(tick)
	defer t.Stop()
	p := progress{out: f.cfg.Out, terminal: f.cfg.Terminal}
	defer p.end()
	running := len(f.pubs)
	moved := time.Now()
	var last int64
	for {
		var in, out int64
		for _, pub := range f.pubs {
			in += pub.Stats().Sent
		}
		even := true
		for _, sub := range f.subs {
			n := sub.Stats().Messages
			even = even && n == f.subs[0].Stats().Messages
			out += n
		}
		now := time.Now()
		if in+out != last {
			last, moved = in+out, now
		}
		p.show(in, f.arrived())
		still := now.Sub(moved)
		if running == 0 && accident == nil && even && still > stillness || still > patience {
			return moved.Sub(f.began), nil
		}
		select {
		case e := <-f.events:
			p.interrupt(e)
		case err := <-accident:
			if err != nil {
				return 0, err
			}
			accident = nil
		case err := <-sent:
			running--
			if err != nil {
				f.log.Error("a publisher ended", slog.Any("error", err))
			}
		case <-t.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
