package main

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
	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/logs/logpub"
	"github.com/spreadd/spreadd/logs/logsub"
)

// names are the daemons' names, in ring order. The last one is killed.
var names = [...]string{"d1", "d2", "d3"}

const (
	// defaultRounds sends some hundred thousand lines, which takes about a second.
	defaultRounds = 25
	// hosts is the number of log hosts.
	hosts = 2
	// patience is how long the demo waits for progress before it gives up.
	patience = 15 * time.Second
	// stillness is how long no line has arrived when all have.
	stillness = time.Second
	// tick is the interval at which the counters are read.
	tick = 10 * time.Millisecond
)

// demoConfig says how to run the demo. Zero values mean the defaults, other than for Out.
type demoConfig struct {
	Out      io.Writer    // the events, as text
	Terminal bool         // redraw the progress line in place
	Dir      string       // where the log hosts' files go
	Rounds   int          // how often each site's log is sent
	Plain    bool         // publish as mod_log_spread did, which loses what a killed daemon has accepted
	Log      *slog.Logger // of all parts; nil discards it
}

// farm is the whole of web hosts, daemons and log hosts.
type farm struct {
	cfg     demoConfig
	log     *slog.Logger
	sites   []weblog.Site
	ring    *localring.Ring
	daemons [len(names)]*localring.Daemon
	pubs    []*logpub.Publisher
	subs    []*logsub.Subscriber
	began   time.Time
	// events are lines of their own between those of progress.
	events chan string
}

// runDemo runs the demo. An error means that it could not be set up; missing lines are in the
// report.
func runDemo(ctx context.Context, cfg demoConfig) (_ *Report, err error) {
	if cfg.Rounds == 0 {
		cfg.Rounds = defaultRounds
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Dir, err = filepath.Abs(cfg.Dir); err != nil {
		return nil, fmt.Errorf("cannot make a directory for the files: %w", err)
	}
	f := &farm{cfg: cfg, log: cfg.Log, sites: weblog.Sites(), events: make(chan string)}
	if f.ring, err = localring.New(ctx, localring.Config{Names: names[:], Log: cfg.Log}); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.ring.Close()) }()
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

func (f *farm) startRing(ctx context.Context) error {
	for i, name := range names {
		if err := f.startDaemon(ctx, i); err != nil {
			return err
		}
		f.say("daemon      %s on 127.0.0.1:%d", name, f.daemons[i].Config.Port)
	}
	if err := f.awaitRing(ctx); err != nil {
		return err
	}
	f.say("ring        %s   (watch it: spuser -s %s, then: j %s)", strings.Join(names[:], " "), f.daemons[0].Address(), f.sites[0].Group)
	return nil
}

func (f *farm) startDaemon(ctx context.Context, i int) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f.daemons[i], err = f.ring.Start(ctx, names[i])
	return err
}

func (f *farm) awaitRing(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return f.ring.Await(ctx)
}

func (f *farm) prepare() error {
	for i := range hosts {
		if err := os.MkdirAll(f.hostDir(i), 0o755); err != nil {
			return fmt.Errorf("cannot make the directory of log host %d: %w", i+1, err)
		}
		var logs []logsub.Log
		for _, s := range f.sites {
			if err := os.RemoveAll(f.file(i, s)); err != nil {
				return fmt.Errorf("cannot remove a file of an earlier run: %w", err)
			}
			logs = append(logs, logsub.Log{Group: s.Group, File: f.file(i, s)})
		}
		sub, err := logsub.New(logsub.Config{
			Connections: []logsub.Connection{{Address: f.daemons[i].Address(), Logs: logs}},
			Log:         f.log.With(slog.Int("host", i+1)),
		})
		if err != nil {
			return fmt.Errorf("%w", err)
		}
		f.subs = append(f.subs, sub)
		f.say("log host %d  logsub at %s, %d groups, files in %s", i+1, names[i], len(logs), f.hostDir(i))
	}
	for i, s := range f.sites {
		pub, err := logpub.New(logpub.Config{
			Address: f.daemons[i].Address(), Groups: []string{s.Group}, Name: fmt.Sprintf("web%d", i+1),
			// A web server does not wait; a file that is read as fast as it
			// can be does, or it would measure how fast lines can be dropped.
			BlockTime: patience, DrainTimeout: patience, Plain: f.cfg.Plain, Publisher: fmt.Sprintf("web%d", i+1),
			Log: f.log.With(slog.String("site", s.Name)),
		})
		if err != nil {
			return fmt.Errorf("%w", err)
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
			err = errors.Join(err, fmt.Errorf("a log host: %w", e))
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
			return fmt.Errorf("the log hosts did not join their groups within %v", patience)
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
	if err := f.until(ctx, func() bool { n, _ := f.arrived(); return n >= total/3 }); err != nil {
		return err
	}
	victim := len(names) - 1
	name := names[victim]
	for _, step := range []struct {
		do   func() error
		done string
	}{
		{f.daemons[victim].Stop, name + " is killed"},
		{func() error { return f.awaitRing(ctx) }, "ring of " + strings.Join(names[:victim], " ")},
		{func() error { return f.startDaemon(ctx, victim) }, name + " is started again"},
		{func() error { return f.awaitRing(ctx) }, "ring of " + strings.Join(names[:], " ")},
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

// arrived is how many lines have arrived at every log host, and whether each has as many.
func (f *farm) arrived() (least int64, even bool) {
	var most int64
	for i, s := range f.subs {
		var n int64
		for _, l := range s.Stats().Logs {
			n += l.Lines
		}
		if i == 0 {
			least = n
		}
		least, most = min(least, n), max(most, n)
	}
	return least, least == most
}

// watch shows progress until all that was sent has arrived everywhere, or
// nothing has moved for a while. It returns when the last line arrived.
//
// With Plain, what a killed daemon had taken and not put on the ring does not arrive. So the end is
// when the publishers are done and the log hosts have been still, with the same number of lines,
// for a moment.
func (f *farm) watch(ctx context.Context, sent, accident <-chan error) (time.Duration, error) {
	t := time.NewTicker(tick)
	defer t.Stop()
	p := progress{out: f.cfg.Out, terminal: f.cfg.Terminal}
	defer p.end()
	running := len(f.pubs)
	moved := time.Now()
	var last int64
	for {
		var in int64
		for _, pub := range f.pubs {
			in += pub.Stats().Sent
		}
		out, even := f.arrived()
		now := time.Now()
		if in+out != last {
			last, moved = in+out, now
		}
		p.show(in, out)
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
