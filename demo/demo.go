package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/demo/weblog"
	"github.com/spreadd/spreadd/logpub"
	"github.com/spreadd/spreadd/logsub"
	"github.com/spreadd/spreadd/spreadconf"
)

const (
	// DefaultRounds sends some hundred thousand lines: a second or so.
	DefaultRounds = 25
	// hosts is the number of log hosts.
	hosts = 2
	// patience is for how long nothing may move before the demo gives up.
	patience = 15 * time.Second
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
	cfg     Config
	log     *slog.Logger
	sites   []weblog.Site
	address string // of the daemon
	pubs    []*logpub.Publisher
	subs    []*logsub.Subscriber
}

// Run runs the demo. An error is one of setting it up; how the lines fared is
// in the report.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if cfg.Rounds == 0 {
		cfg.Rounds = DefaultRounds
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	var err error
	if cfg.Dir == "" {
		cfg.Dir, err = os.MkdirTemp("", "spreadd-demo-")
	} else {
		cfg.Dir, err = filepath.Abs(cfg.Dir)
	}
	if err != nil {
		return nil, fmt.Errorf("demo: a place for the files: %w", err)
	}
	f := &farm{cfg: cfg, log: cfg.Log, sites: weblog.Sites()}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	daemonDone, err := f.startDaemon(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		stop()
		if err := <-daemonDone; err != nil {
			f.log.Error("the daemon ended", slog.Any("error", err))
		}
	}()
	if err := f.prepare(); err != nil {
		return nil, err
	}
	took, err := f.run(ctx, daemonDone)
	if err != nil {
		return nil, err
	}
	return f.report(took)
}

// startDaemon starts the daemon that spreadd runs where nothing is configured,
// on a free port. The channel gets what ended it.
func (f *farm) startDaemon(ctx context.Context) (<-chan error, error) {
	conf := spreadconf.Default()
	self, err := conf.Self(spreadconf.SystemEnvironment(), "")
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	cfg, err := daemon.FromConf(conf, self, daemon.Access{})
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	cfg.Listen = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)}
	cfg.Port, cfg.SocketDir, cfg.Log = 0, "", f.log
	d, err := daemon.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	if err := d.Listen(ctx); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	port := netip.MustParseAddrPort(d.Addrs()[0].String()).Port()
	f.address = fmt.Sprintf("%d@127.0.0.1", port)
	done := make(chan error, 1)
	go func() {
		done <- d.Run(ctx)
		close(done)
	}()
	f.say("daemon      %s on 127.0.0.1:%d   (look: spuser -s %s, then: j %s)", self.Daemon.Name, port, f.address, f.sites[0].Group)
	return done, nil
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
			Connections: []logsub.Connection{{Address: f.address, Logs: logs}},
			Log:         f.log.With(slog.Int("host", i+1)),
		})
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		f.subs = append(f.subs, sub)
		f.say("log host %d  logsub, %d groups, files in %s", i+1, len(logs), f.hostDir(i))
	}
	for i, s := range f.sites {
		pub, err := logpub.New(logpub.Config{
			Address: f.address, Groups: []string{s.Group}, Name: fmt.Sprintf("web%d", i+1),
			// A web server does not wait; a file that is read as fast as it
			// can be does, or it would measure how fast lines can be dropped.
			BlockTime: patience, DrainTimeout: patience,
			Log: f.log.With(slog.String("site", s.Name)),
		})
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		f.pubs = append(f.pubs, pub)
		f.say("web host %d  logpub, %s (%s log format), group %s", i+1, s.Name, s.Format, s.Group)
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
// took.
func (f *farm) run(ctx context.Context, daemonDone <-chan error) (time.Duration, error) {
	subCtx, stopSubs := context.WithCancel(ctx)
	defer stopSubs()
	ends := make(chan error, len(f.subs))
	for _, s := range f.subs {
		go func() { ends <- s.Run(subCtx) }()
	}
	if err := f.waitReady(ctx, daemonDone); err != nil {
		return 0, err
	}
	began := time.Now()
	sent := make(chan error, len(f.pubs))
	for i, p := range f.pubs {
		go func() { sent <- p.Run(ctx, f.source(f.sites[i])) }()
	}
	f.watch(ctx, sent)
	took := time.Since(began)
	stopSubs()
	for range f.subs {
		if err := <-ends; err != nil {
			return took, fmt.Errorf("demo: a log host: %w", err)
		}
	}
	return took, ctx.Err()
}

func (f *farm) waitReady(ctx context.Context, daemonDone <-chan error) error {
	limit := time.After(patience)
	for _, s := range f.subs {
		select {
		case <-s.Ready():
		case err := <-daemonDone:
			return fmt.Errorf("demo: the daemon has ended: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-limit:
			return fmt.Errorf("demo: the log hosts could not join their groups within %v", patience)
		}
	}
	return nil
}

// watch shows progress until all that was sent has arrived everywhere, or
// nothing has moved for a while.
func (f *farm) watch(ctx context.Context, sent <-chan error) {
	t := time.NewTicker(tick)
	defer t.Stop()
	p := progress{out: f.cfg.Out, terminal: f.cfg.Terminal}
	defer p.end()
	running := len(f.pubs)
	moved := time.Now()
	var last int64
	for {
		var in, out, least int64
		for _, pub := range f.pubs {
			in += pub.Stats().Sent
		}
		for i, sub := range f.subs {
			n := sub.Stats().Messages
			if out += n; i == 0 || n < least {
				least = n
			}
		}
		p.show(in, least)
		if running == 0 && least >= in {
			return
		}
		now := time.Now()
		if in+out != last {
			last, moved = in+out, now
		}
		if now.Sub(moved) > patience {
			return
		}
		select {
		case err := <-sent:
			running--
			if err != nil {
				f.log.Error("a publisher ended", slog.Any("error", err))
			}
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}
