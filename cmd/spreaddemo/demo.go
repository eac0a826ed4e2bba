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
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spreadd/spreadd/cmd/spreaddemo/weblog"
	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/logs/logpub"
)

const (
	// defaultRounds sends some 150,000 lines.
	defaultRounds = 25
	// defaultFlow is how long the web servers take to write their logs, however long these are.
	defaultFlow = 5 * time.Second
	// patience is how long the demo waits for progress before it gives up.
	patience = 15 * time.Second
	// stillness is how long no line has arrived when all have that ever will.
	stillness = time.Second
	// tick is the interval at which the counters are read.
	tick = 10 * time.Millisecond
)

// hosts returns the names of web hosts and log hosts, in ring order. Each has a daemon of its name.
func hosts() (web, log []string) { return []string{"web1", "web2", "web3"}, []string{"log1", "log2"} }

// demoConfig says how to run the demo. Zero values mean the defaults, other than for Out.
type demoConfig struct {
	Out      io.Writer     // the events, as text
	Terminal bool          // redraw the progress line in place
	Dir      string        // where the log hosts' files go
	Rounds   int           // how often each site's log is sent
	Flow     time.Duration // in which the logs are written
	Plain    bool          // publish as mod_log_spread did, which loses what is under way to something that dies
	Log      *slog.Logger  // of all parts; nil discards it
}

// farm is the whole of web hosts, daemons and log hosts.
type farm struct {
	cfg      demoConfig
	log      *slog.Logger
	sites    []weblog.Site
	ring     *localring.Ring
	daemons  map[string]*localring.Daemon
	pubs     []*logpub.Publisher
	logHosts []*logHost
	total    int64 // lines of all sites
	began    time.Time
	// events are lines of their own between those of progress.
	events chan string
}

// runDemo runs the demo. An error means that it could not be set up; missing lines are in the
// report.
func runDemo(ctx context.Context, cfg demoConfig) (_ *Report, err error) {
	if cfg.Rounds == 0 {
		cfg.Rounds = defaultRounds
	}
	if cfg.Flow == 0 {
		cfg.Flow = defaultFlow
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Dir, err = filepath.Abs(cfg.Dir); err != nil {
		return nil, fmt.Errorf("cannot make a directory for the files: %w", err)
	}
	f := &farm{cfg: cfg, log: cfg.Log, sites: weblog.Sites(), daemons: make(map[string]*localring.Daemon), events: make(chan string)}
	web, log := hosts()
	if f.ring, err = localring.New(ctx, localring.Config{Names: slices.Concat(web, log), Log: cfg.Log}); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.ring.Close()) }()
	if err := f.startRing(ctx); err != nil {
		return nil, err
	}
	defer func() {
		for _, h := range f.logHosts {
			h.kill()
		}
	}()
	if err := f.startLogHosts(ctx); err != nil {
		return nil, err
	}
	if err := f.prepareWebHosts(); err != nil {
		return nil, err
	}
	took, err := f.run(ctx)
	if err != nil {
		return nil, err
	}
	return f.report(took)
}

func (f *farm) startRing(ctx context.Context) error {
	web, log := hosts()
	names := slices.Concat(web, log)
	for _, name := range names {
		if err := f.startDaemon(ctx, name); err != nil {
			return err
		}
	}
	if err := f.awaitRing(ctx); err != nil {
		return err
	}
	f.say("ring      %s   (watch it: spuser -s %s, then: j %s)", strings.Join(names, " "), f.daemons[names[0]].Address(), f.sites[0].Group)
	return nil
}

func (f *farm) startDaemon(ctx context.Context, name string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f.daemons[name], err = f.ring.Start(ctx, name)
	return err
}

func (f *farm) awaitRing(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return f.ring.Await(ctx)
}

func (f *farm) startLogHosts(ctx context.Context) error {
	_, names := hosts()
	for _, name := range names {
		h, err := newLogHost(name, f.cfg.Dir, f.daemons[name].Address(), f.sites, f.log)
		if err != nil {
			return err
		}
		f.logHosts = append(f.logHosts, h)
		if err := h.start(); err != nil {
			return err
		}
		f.say("log host  %s: logsub, %d groups, files in %s", name, len(f.sites), h.dir)
	}
	// Without -plain, lines would wait in the spools of the web hosts.
	for _, h := range f.logHosts {
		if err := h.awaitJoined(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (f *farm) prepareWebHosts() error {
	names, _ := hosts()
	for i, s := range f.sites {
		name := names[i]
		cfg := logpub.Config{
			Address: f.daemons[name].Address(), Groups: []string{s.Group}, Name: name, Publisher: name,
			// A web server does not wait; a file that is read as fast as it
			// can be does, or it would measure how fast lines can be dropped.
			BlockTime: patience, DrainTimeout: patience, Plain: f.cfg.Plain,
			Log: f.log.With(slog.String("site", s.Name)),
		}
		if !f.cfg.Plain {
			cfg.Spool = filepath.Join(f.cfg.Dir, name, "spool")
			if err := os.MkdirAll(filepath.Dir(cfg.Spool), 0o755); err != nil {
				return fmt.Errorf("cannot make the directory of %s: %w", name, err)
			}
		}
		pub, err := logpub.New(cfg)
		if err != nil {
			return fmt.Errorf("%w", err)
		}
		f.pubs = append(f.pubs, pub)
		f.total += int64(f.cfg.Rounds * bytes.Count(s.Log(), []byte{'\n'}))
		f.say("web host  %s: logpub, %s (%s log format), group %s", name, s.Name, s.Format, s.Group)
	}
	return nil
}

func (f *farm) say(format string, args ...any) { fmt.Fprintf(f.cfg.Out, format+"\n", args...) }

// run sends everything, waits until it has arrived, and returns how long that
// took. Meanwhile the accidents happen.
func (f *farm) run(ctx context.Context) (time.Duration, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	f.began = time.Now()
	sent, over := make(chan error, len(f.pubs)), make(chan struct{})
	end := sync.OnceFunc(func() { close(over) })
	defer end()
	for i, p := range f.pubs {
		go func() { sent <- p.Run(ctx, newPaced(f.sites[i].Log(), f.cfg.Rounds, f.cfg.Flow, over)) }()
	}
	accidents := make(chan error, 1)
	go func() { accidents <- f.accidents(ctx) }()
	took, err := f.watch(ctx, end, sent, accidents)
	if err != nil {
		return 0, err
	}
	for _, h := range f.logHosts {
		if err := h.stop(); err != nil {
			return 0, err
		}
	}
	if f.cfg.Plain {
		return took, nil
	}
	// What one of them missed, the other one has.
	a, b := f.logHosts[0], f.logHosts[1]
	if err := a.fill(ctx, b); err != nil {
		return 0, err
	}
	return took, b.fill(ctx, a)
}

// count returns how many lines were read from the web servers, of how many of these the publishers know
// that they have arrived, and how many are in the files of each log host.
func (f *farm) count() (in, sent int64, out []int64) {
	for _, pub := range f.pubs {
		st := pub.Stats()
		in, sent = in+st.Took, sent+st.Sent
	}
	for _, h := range f.logHosts {
		out = append(out, h.lines())
	}
	return in, sent, out
}

// watch shows progress until all lines have arrived everywhere, or nothing has moved for a while. It
// returns when the last line arrived. It ends the web servers when all lines are sent: a publisher that
// ends while no log host can be reached leaves lines in its spool.
//
// With Plain, what was under way to something that died does not arrive. So the end is when the
// publishers are done and the log hosts have been still for a moment.
func (f *farm) watch(ctx context.Context, end func(), sent, accidents <-chan error) (time.Duration, error) {
	t := time.NewTicker(tick)
	defer t.Stop()
	p := progress{out: f.cfg.Out, terminal: f.cfg.Terminal, total: f.total}
	defer p.end()
	running := len(f.pubs)
	moved := time.Now()
	var last int64
	for {
		in, delivered, out := f.count()
		if delivered == f.total {
			end()
		}
		now, sum, whole := time.Now(), in+delivered, true
		for _, n := range out {
			sum += n
			whole = whole && n == f.total
		}
		if sum != last {
			last, moved = sum, now
		}
		p.show(in, out)
		still := now.Sub(moved)
		if running == 0 && accidents == nil && (whole || still > stillness) || still > patience {
			return moved.Sub(f.began), nil
		}
		select {
		case e := <-f.events:
			p.interrupt(e)
		case err := <-accidents:
			if err != nil {
				return 0, err
			}
			accidents = nil
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
