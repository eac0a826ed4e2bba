package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/eventlog"
	"github.com/spreadd/spreadd/daemon/metrics"
	"github.com/spreadd/spreadd/daemon/monitor"
	"github.com/spreadd/spreadd/daemon/web"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/logging"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/spreadconf"
	"github.com/spreadd/spreadd/wire"
)

// serve runs the daemon until ctx ends.
func (p *program) serve(ctx context.Context, o options) error {
	c, self, found, err := p.load(ctx, &o)
	if err != nil {
		return err
	}
	cfg, err := p.daemonConfig(ctx, c, self, o)
	if err != nil {
		return err
	}
	level := new(slog.LevelVar)
	log, reopen, done, err := p.openLog(&c.Options, o.logFormat, level, o.verbose)
	if err != nil {
		return err
	}
	defer done()
	cfg.Log = log
	if err := errors.Join(secure(&cfg, &o.settings.TLS), o.prioritize()); err != nil {
		return err
	}
	r := &reloader{p: p, o: o, log: log, level: level, reopen: reopen, name: self.Daemon.Name, asks: make(chan struct{}, 1)}
	if found {
		r.conf = c
	}
	cfg.OnReload = r.ask
	log.Info("starting", slog.String("version", banner()))
	logConf(log, c, &cfg, found, o.eventFile)
	d, err := daemon.New(cfg)
	if err != nil {
		return err
	}
	boundHeap(d.Stats().MaxMemory)
	// Bind sockets and open the log file before dropping privileges.
	ask := asker(d, &cfg)
	observe, unobserve, err := p.openHTTP(ctx, &o, d, &cfg, ask)
	if err != nil {
		return err
	}
	defer unobserve()
	made := makeRunDir(o.runDir)
	if err := d.Listen(ctx); err != nil {
		return err
	}
	root, err := dropPrivileges(&c.Options, log, made, unixSockets(d), o.settings.Socket.Group != "")
	if err != nil {
		return err
	}
	endWarning := warnOfRoot(log, root)
	defer endWarning()
	p.announce(ctx, d, log)
	until, end := context.WithCancelCause(ctx)
	defer end(nil)
	var reloading sync.WaitGroup
	stop := make(chan struct{})
	r.daemon = d
	reloading.Go(func() { r.run(until, p.hup, stop, end) })
	observe()
	asking, endAsking := context.WithCancel(until)
	reloading.Go(func() { askAround(asking, d, ask) })
	err = d.Run(until)
	endAsking()
	close(stop)
	reloading.Wait()
	logStats(ctx, log, d.Stats())
	var restart *daemon.RestartError
	if cause := context.Cause(until); err == nil && errors.As(cause, &restart) {
		return cause
	}
	return err
}

// unixSockets returns the paths of the sockets on which a daemon listens.
func unixSockets(d *daemon.Daemon) (paths []string) {
	for _, a := range d.Addrs() {
		if a.Network() == "unix" {
			paths = append(paths, a.String())
		}
	}
	return paths
}

// announce logs where clients are served, and reports to systemd from when the first membership is
// installed.
func (p *program) announce(ctx context.Context, d *daemon.Daemon, log *slog.Logger) {
	for _, a := range d.Addrs() {
		log.Info("serving clients", slog.String("network", a.Network()), slog.String("address", a.String()))
	}
	go func() {
		select {
		case <-d.Ready():
			if p.started != nil {
				p.started(d)
			}
			p.service.run(ctx, d)
		case <-ctx.Done():
		}
	}()
}

// openHTTP binds the addresses for HTTP, if there are any. observe starts the servers; done ends
// them, after the daemon has ended.
func (p *program) openHTTP(ctx context.Context, o *options, d *daemon.Daemon, cfg *daemon.Config, ask func() monitor.Config) (observe, done func(), err error) {
	collector := metrics.New(d, cfg.Engine.Self)
	state := web.Config{
		Source: d, Metrics: collector, Profiles: o.profiles, Log: cfg.Log, Monitor: ask,
	}
	all := []struct {
		addr string
		cfg  prom.Config
	}{
		{o.http, state.Server()},
		{o.metrics, prom.Config{Program: "spreadd", Log: cfg.Log, Collector: collector, Alive: d.Alive, Ready: d.Serving}},
	}
	if o.http == o.metrics {
		all = all[:1]
	}
	var servers []*prom.Server
	var ends []func()
	done = func() {
		for _, s := range servers[len(ends):] {
			_ = s.Close() // it never served
		}
		for _, end := range ends {
			end()
		}
	}
	for _, a := range all {
		if a.addr == "" {
			continue
		}
		s, err := prom.Listen(ctx, a.addr, a.cfg)
		if err != nil {
			done()
			return nil, nil, err
		}
		servers = append(servers, s)
	}
	observe = func() {
		for _, s := range servers {
			ends = append(ends, s.Start())
			if p.serving != nil {
				p.serving(s)
			}
		}
	}
	return observe, done, nil
}

// openLog returns the log that the options describe, and functions that reopen and close its file.
// The caller may change the level.
func (p *program) openLog(o *spreadconf.Options, format logging.Format, lowest *slog.LevelVar, verbose bool) (log *slog.Logger, reopen, done func(), err error) {
	w := p.stdout
	reopen, done = func() {}, func() {}
	path, err := o.LogFile(p.env)
	if err != nil {
		return nil, nil, nil, err
	}
	var file *eventlog.File
	if path != "" {
		if file, err = eventlog.OpenFile(path); err != nil {
			return nil, nil, nil, err
		}
		w = file
	}
	stamp, precise := o.TimeStamp.Effective()
	lowest.Set(level(o, verbose))
	log = slog.New(logging.New(w, logging.Options{Format: format, Level: lowest, Text: func(w io.Writer) slog.Handler {
		return eventlog.New(w, eventlog.Options{Level: lowest, Stamp: stamp, Precise: precise})
	}}))
	if file != nil {
		reopen = func() {
			if err := file.Reopen(); err != nil {
				log.Error("cannot reopen the log file; keeping the old one", slog.Any("error", err))
			}
		}
		done = func() { _ = file.Close() }
	}
	return log, reopen, done, nil
}

// level maps EventPriority, and the debug flags that ask for details, to a level.
func level(o *spreadconf.Options, verbose bool) slog.Level {
	const details = spreadconf.FlagSession | spreadconf.FlagMembership | spreadconf.FlagGroups | spreadconf.FlagDebug
	switch {
	case verbose, o.EventPriority <= spreadconf.PriorityDebug, o.DebugFlags&details == details:
		return slog.LevelDebug
	case o.EventPriority == spreadconf.PriorityInfo:
		return slog.LevelInfo
	case o.EventPriority == spreadconf.PriorityWarning:
		return slog.LevelWarn
	default:
		return slog.LevelError
	}
}

// logConf logs which configuration is in use.
func logConf(log *slog.Logger, c *spreadconf.Config, cfg *daemon.Config, found, eventFile bool) {
	if found {
		log.Info("configuration read", slog.String("file", c.File), slog.Uint64("hash", uint64(c.Hash())))
	} else {
		log.Info("no spread.conf in the current directory, /etc or /etc/spread: running as daemon localhost on 127.0.0.1:4803")
	}
	for _, w := range c.Warnings {
		log.Warn("configuration", slog.String("warning", w.Text), slog.String("at", w.Pos.String()))
	}
	if eventFile {
		log.Warn("-l y is ignored: there is no event file; the log shows clients and memberships")
	}
	log.Info("this daemon", slog.String("name", cfg.Name()), slog.Uint64("id", uint64(cfg.Engine.Self)), slog.Any("port", cfg.Port),
		slog.Any("daemons", len(cfg.Engine.Topology.Daemons())))
	if c.Options.AllowedAuthMethods == nil {
		log.Warn("no authentication method is allowed: every client will be refused", slog.String("option", "AllowedAuthMethods"))
	}
}

// logStats logs the daemon's counters at its end.
func logStats(ctx context.Context, log *slog.Logger, st daemon.Stats) {
	args := []slog.Attr{
		slog.Int64("sessions", st.Sessions.Opened), slog.Int64("received", st.Sessions.Received),
		slog.Int64("delivered", st.Deliveries), slog.Int64("to_clients", st.Sessions.Queued),
		slog.Int64("discarded", st.Sessions.Discarded),
	}
	for i, n := range st.Submitted {
		if i > 0 && n > 0 {
			args = append(args, slog.Int64("refused_"+engine.Reason(i).String(), n))
		}
	}
	for i, n := range st.Sessions.Refused {
		if n > 0 {
			args = append(args, slog.Int64("illegal_"+wire.Reason(i).String(), n))
		}
	}
	log.LogAttrs(ctx, slog.LevelInfo, "stopped", args...)
}
