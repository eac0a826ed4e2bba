package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/internal/buildinfo"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/spreadconf"
	"github.com/spreadd/spreadd/wire"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	p := program{stdout: os.Stdout, stderr: os.Stderr, hup: hup, env: spreadconf.SystemEnvironment()}
	status := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(status)
}

// program is spreadd with its surroundings, so that tests can call it.
type program struct {
	stdout, stderr io.Writer
	hup            <-chan os.Signal // each value reopens the log file and reloads the configuration
	env            spreadconf.Environment
	// started, if not nil, is called when the daemon serves clients.
	started func(*daemon.Daemon)
	// serving, if not nil, is called when metrics are served.
	serving func(*prom.Server)
}

// run is the program. It returns the exit status.
func (p *program) run(ctx context.Context, args []string) int {
	if len(args) > 0 && args[0] == "demo" {
		fmt.Fprintln(p.stderr, "spreadd: the demo is a program of its own: go run ./cmd/spreaddemo")
		return flags.Misuse
	}
	o, err := parse(args)
	if err != nil {
		return o.set.Answer(err, p.stdout, p.stderr)
	}
	if o.check {
		err = p.check(o)
	} else {
		err = p.serve(ctx, o)
	}
	if err != nil {
		fmt.Fprintf(p.stderr, "spreadd: %v\n", err)
		return flags.Failed
	}
	return flags.OK
}

// load finds and reads the configuration. found is false if no file exists and the built-in
// configuration is used.
func (p *program) load(o options) (c *spreadconf.Config, self spreadconf.Self, found bool, err error) {
	c, err = spreadconf.Load(o.conf, p.env)
	found = true
	if errors.Is(err, spreadconf.ErrNoFile) && o.conf == "" {
		c, found, err = spreadconf.Default(), false, nil
	}
	if err != nil {
		return nil, self, found, err
	}
	self, err = c.Self(p.env, o.name)
	return c, self, found, err
}

// check prints the configuration. A file that names no daemon of this host is not an error: it may
// be meant for other hosts. With -n it is one.
func (p *program) check(o options) error {
	c, err := spreadconf.Load(o.conf, p.env)
	if errors.Is(err, spreadconf.ErrNoFile) && o.conf == "" {
		fmt.Fprintln(p.stdout, "# No spread.conf in the current directory or in /etc; this is the built-in configuration.")
		c, err = spreadconf.Default(), nil
	}
	if err != nil {
		return err
	}
	self, err := c.Self(p.env, o.name)
	if err != nil {
		if o.name != "" {
			return err
		}
		return spreadconf.Describe(p.stdout, c, nil)
	}
	if err := spreadconf.Describe(p.stdout, c, &self); err != nil {
		return err
	}
	_, err = c.EffectiveTimeouts()
	return err
}

// banner is the line of -version and of the start of the log.
func banner() string {
	v := wire.OurVersion
	return fmt.Sprintf("spreadd %s, speaks Spread %d.%d.%d, %s", buildinfo.Version(), v.Major, v.Minor, v.Patch, runtime.Version())
}
