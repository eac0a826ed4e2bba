package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/settings"
	"github.com/spreadd/spreadd/internal/spreadconf"
)

// errTakenOut ends a daemon that its configuration no longer names. It is not a failure.
var errTakenOut = errors.New("removed from the configuration")

// reloader reloads the configuration on request and applies it to the daemon.
type reloader struct {
	p      *program
	o      options
	log    *slog.Logger
	level  *slog.LevelVar
	reopen func() // the log file
	daemon *daemon.Daemon
	// conf is the configuration in use; nil if there is no file.
	conf *spreadconf.Config
	name string // of the daemon
	// asks has requests of monitors. One request is enough for all that wait.
	asks chan struct{}
}

// run serves SIGHUP and monitors until done is closed. It calls end with the reason if the daemon
// cannot run with its new configuration.
func (r *reloader) run(ctx context.Context, hup <-chan os.Signal, done <-chan struct{}, end func(error)) {
	for {
		select {
		case <-hup:
		case <-r.asks:
		case <-done:
			return
		}
		r.reopen()
		if err := r.p.service.reload(r.daemon, func() (error, error) { return r.reload(ctx) }); err != nil {
			end(err)
			return
		}
	}
}

// ask requests a reload.
func (r *reloader) ask() {
	select {
	case r.asks <- struct{}{}:
	default:
	}
}

// reload returns why it refused a file, which changes nothing, or the error with which the daemon
// cannot continue.
func (r *reloader) reload(ctx context.Context) (refused, fatal error) {
	if r.conf == nil {
		const text = "cannot reload: spreadd was started without a configuration file; restart it to use one"
		r.log.Warn(text)
		return errors.New(text), nil
	}
	o := r.o
	c, cfg, err := r.read(ctx, &o)
	if err == nil {
		err = r.daemon.Reload(cfg)
	}
	var restart *daemon.RestartError
	switch {
	case err == nil:
	case errors.Is(err, errTakenOut), errors.As(err, &restart):
		r.log.Error("cannot run with the new configuration", slog.Any("error", err))
		return nil, err
	case errors.Is(err, daemon.ErrStopped):
		return nil, nil
	default:
		r.log.Error("cannot reload the configuration; keeping the old one", slog.Any("error", err))
		return err, nil
	}
	r.level.Set(level(&c.Options, o.verbose))
	r.report(c, o.settings)
	r.conf, r.o = c, o
	return nil, nil
}

// read reads the configuration and the settings of the running daemon.
func (r *reloader) read(ctx context.Context, o *options) (*spreadconf.Config, daemon.Config, error) {
	c, err := spreadconf.Load(ctx, r.o.conf, r.p.env)
	if err != nil {
		return nil, daemon.Config{}, err
	}
	there := false
	for _, d := range c.Daemons() {
		there = there || d.Name == r.name
	}
	if !there {
		return nil, daemon.Config{}, fmt.Errorf("daemon %s is not in %s: %w", r.name, c.File, errTakenOut)
	}
	self, err := c.Self(r.p.env, r.name)
	if err != nil {
		return nil, daemon.Config{}, err
	}
	if _, err := o.load(ctx); err != nil {
		return nil, daemon.Config{}, err
	}
	if err := stillGuarded(r.o.settings, o.settings); err != nil {
		return nil, daemon.Config{}, err
	}
	cfg, err := r.p.daemonConfig(ctx, c, self, *o)
	return c, cfg, err
}

// stillGuarded refuses settings without the rules or the keys that are in force: a file that was emptied
// or lost by accident must not open the daemon to everybody.
func stillGuarded(old, now *settings.Settings) error {
	switch {
	case len(old.Allow) > 0 && len(now.Allow) == 0:
		return errors.New(`the settings have no [[allow]] any more, so every client could do anything; write one with join = "*" and send = "*" if that is intended, or restart spreadd`)
	case old.RingKeys != "" && now.RingKeys == "":
		return errors.New("the settings have no ring_keys any more, so anybody could send datagrams; restart spreadd if that is intended")
	default:
		return nil
	}
}

// report logs what has changed, and what will change only after a restart.
func (r *reloader) report(c *spreadconf.Config, s *settings.Settings) {
	names := func(c *spreadconf.Config) (list []string) {
		for _, d := range c.Daemons() {
			list = append(list, d.Name)
		}
		return list
	}
	old, now := names(r.conf), names(c)
	without := func(from, those []string) []string {
		return slices.DeleteFunc(slices.Clone(from), func(n string) bool { return slices.Contains(those, n) })
	}
	r.log.Info("configuration reloaded", slog.String("file", c.File), slog.Uint64("hash", uint64(c.Hash())),
		slog.Any("added", without(now, old)), slog.Any("removed", without(old, now)))
	for _, w := range c.Warnings {
		r.log.Warn("configuration", slog.String("warning", w.Text), slog.String("at", w.Pos.String()))
	}
	if c.Hash() != r.conf.Hash() && c.AcceleratedAtStart() != c.AcceleratedAfterReload() {
		r.log.Warn("AcceleratedRing is not set: C daemons switch to the accelerated ring when they reload and cannot form a ring with this daemon; set it on all hosts")
	}
	late := needRestart(&r.conf.Options, &c.Options)
	if s.Socket != r.o.settings.Socket {
		late = append(late, "[socket]")
	}
	if s.LogFormat != r.o.settings.LogFormat {
		late = append(late, "log_format")
	}
	if s.HTTP != r.o.settings.HTTP || s.Profiles != r.o.settings.Profiles {
		late = append(late, "http")
	}
	if !s.TLS.Equal(&r.o.settings.TLS) {
		late = append(late, "[tls]")
	}
	if len(late) > 0 {
		r.log.Warn("some options take effect only after a restart", slog.Any("options", late))
	}
}

// needRestart returns the options that differ and that a running daemon cannot change.
func needRestart(old, now *spreadconf.Options) (list []string) {
	for _, o := range []struct {
		name    string
		changed bool
	}{
		{"EventLogFile", old.EventLogFile != now.EventLogFile},
		{"EventTimeStamp", old.TimeStamp != now.TimeStamp},
		{"RuntimeDir", old.RuntimeDir != now.RuntimeDir},
		{"DaemonUser", old.DaemonUser != now.DaemonUser},
		{"DaemonGroup", old.DaemonGroup != now.DaemonGroup},
	} {
		if o.changed {
			list = append(list, o.name)
		}
	}
	return list
}
