package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/settings"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/spreadconf"
)

// load finds and reads the configuration and the settings. found is false if no configuration file
// exists and the built-in configuration is used.
func (p *program) load(ctx context.Context, o *options) (c *spreadconf.Config, self spreadconf.Self, found bool, err error) {
	c, err = spreadconf.Load(ctx, o.conf, p.env)
	found = true
	if errors.Is(err, spreadconf.ErrNoFile) && o.conf == "" {
		c, found, err = spreadconf.Default(), false, nil
	}
	if err != nil {
		return nil, self, found, err
	}
	if self, err = c.Self(p.env, o.name); err != nil {
		return nil, self, found, err
	}
	_, err = o.load(ctx)
	return c, self, found, err
}

// load reads the settings and returns the name of their file, which is empty if none exists.
func (o *options) load(ctx context.Context) (file string, err error) {
	s, file, err := settings.Load(ctx, o.file)
	if err == nil {
		o.use(s)
	}
	return file, err
}

// check prints the configuration. A file that names no daemon of this host is not an error: it may
// be meant for other hosts. With -n it is one.
func (p *program) check(ctx context.Context, o options) error {
	if slices.Contains(o.set.Given(), "may") {
		if _, err := o.load(ctx); err != nil {
			return err
		}
		return p.answer(o.settings, o.may)
	}
	c, err := spreadconf.Load(ctx, o.conf, p.env)
	if errors.Is(err, spreadconf.ErrNoFile) && o.conf == "" {
		fmt.Fprintln(p.stdout, "# No spread.conf in the current directory, /etc or /etc/spread; this is the built-in configuration.")
		c, err = spreadconf.Default(), nil
	}
	file, serr := o.load(ctx)
	if err := errors.Join(err, serr); err != nil {
		return err
	}
	if o.settings.TLS.Listen != nil {
		if _, err := o.settings.TLS.Files().Server(nil); err != nil {
			return err
		}
	}
	defer p.describe(&o, file)
	p.warnDirectory(&c.Options)
	detail := spreadconf.Detail{Defaults: o.verbose, Mixed: o.mixed}
	self, err := c.Self(p.env, o.name)
	if err != nil {
		if o.name != "" {
			return err
		}
		return spreadconf.Describe(p.stdout, c, nil, detail)
	}
	if err := spreadconf.Describe(p.stdout, c, &self, detail); err != nil {
		return err
	}
	if o.settings.RingKeys != "" {
		if _, err := settings.LoadKeys(ctx, o.settings.RingKeys); err != nil {
			return err
		}
	}
	_, err = c.EffectiveTimeouts()
	return err
}

// warnDirectory warns of an EventLogFile that cannot be made, because spreadd may run on another host.
func (p *program) warnDirectory(o *spreadconf.Options) {
	path, err := o.LogFile(p.env)
	if err == nil && path != "" {
		_, err = os.Stat(filepath.Dir(path))
	}
	if err != nil {
		fmt.Fprintf(p.stderr, "spreadd: warning: EventLogFile: %v; create the directory, and let the user of spreadd write to it\n", err)
	}
}

// answer prints whether the rules allow something. No is an error, for scripts.
func (p *program) answer(s *settings.Settings, question string) error {
	may, why, err := s.Rules().May(question)
	switch {
	case err != nil:
		return fmt.Errorf("-may: %w", err)
	case !may:
		return fmt.Errorf("no: %s", why)
	}
	fmt.Fprintf(p.stdout, "yes: %s\n", why)
	return nil
}

// describe prints the settings as understood, as a comment, so that what -check prints remains a
// configuration file.
func (p *program) describe(o *options, file string) {
	if file == "" {
		return
	}
	text := o.settings.Format()
	if text == "" {
		fmt.Fprintf(p.stdout, "\n# %s: all settings have their defaults\n", file)
		return
	}
	fmt.Fprintf(p.stdout, "\n# %s:\n", file)
	for line := range strings.Lines(text) {
		fmt.Fprintln(p.stdout, strings.TrimRight("# "+line, " \n"))
	}
}

// daemonConfig merges a file and the command line into the configuration of the daemon.
func (p *program) daemonConfig(ctx context.Context, c *spreadconf.Config, self spreadconf.Self, o options) (daemon.Config, error) {
	access, err := loadAccess(ctx, &c.Options)
	if err != nil {
		return daemon.Config{}, err
	}
	cfg, err := daemon.FromConf(c, self, access)
	if err != nil {
		return daemon.Config{}, err
	}
	cfg.SocketDir, cfg.RunDir, cfg.StateDir = o.socketDir, o.runDir, stateDir(o)
	cfg.Sessions.Auth.Rules = o.settings.Rules()
	cfg.SocketMode, cfg.SocketGroup = fs.FileMode(o.settings.Socket.Mode), o.settings.Socket.Group
	cfg.Ring.GSO, cfg.Engine.Early, cfg.Ring.Refused = o.offload, o.early, o.refused
	cfg.Sessions.MaxSessions, cfg.Sessions.MaxAddressSessions = o.maxSessions, o.maxAddress
	cfg.Engine.MaxSessionGroups, cfg.Engine.MaxGroups = o.maxJoined, o.maxGroups
	cfg.Sessions.MaxSessionBytes = int(o.maxQueue)
	cfg.MaxMemory = int64(o.maxMemory)
	if o.settings.RingKeys != "" {
		if cfg.RingKeys, err = settings.LoadKeys(ctx, o.settings.RingKeys); err != nil {
			return daemon.Config{}, err
		}
	}
	return cfg, nil
}

// stateDir returns the directory that systemd has made for the service, otherwise that of the UNIX
// socket.
func stateDir(o options) string {
	return cmp.Or(fsutil.ServiceDir("STATE_DIRECTORY"), fsutil.ServiceDir("RUNTIME_DIRECTORY"), o.socketDir)
}

// loadAccess reads the access files that the enabled methods need. The method decides about a
// missing file.
func loadAccess(ctx context.Context, o *spreadconf.Options) (daemon.Access, error) {
	var access daemon.Access
	for _, m := range append(o.AllowedAuthMethods, o.RequiredAuthMethods...) {
		var err error
		switch m {
		case spreadconf.AuthNull:
		case spreadconf.AuthIP:
			access.IP, err = spreadconf.LoadAccessIP(ctx)
		case spreadconf.AuthPword:
			access.Password, err = spreadconf.LoadAccessPword(ctx)
		}
		if err != nil && !errors.Is(err, spreadconf.ErrNoFile) {
			return access, err
		}
	}
	return access, nil
}
