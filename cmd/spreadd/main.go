package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/internal/buildinfo"
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

// Exit statuses.
const (
	statusOK    = 0
	statusError = 1
	statusUsage = 2
)

// program is spreadd with its surroundings, so that tests can call it.
type program struct {
	stdout, stderr io.Writer
	hup            <-chan os.Signal // each asks for the log file to be reopened
	env            spreadconf.Environment
	// started, if not nil, is told of the daemon when it serves clients.
	started func(*daemon.Daemon)
	// serving, if not nil, is told of the server of metrics.
	serving func(*prom.Server)
}

// options are what the command line says.
type options struct {
	name        string
	conf        string
	events      string
	check       bool
	socketDir   string
	maxSessions int
	offload     bool
	metrics     string
	version     bool
}

const usage = `Usage: spreadd [-n NAME] [-c FILE] [-check]

The Spread daemon. Without -c it reads spread.conf here or in /etc; if there is
none it runs as daemon "localhost" on 127.0.0.1:4803.

`

func (p *program) run(ctx context.Context, args []string) int {
	if len(args) > 0 && args[0] == "demo" {
		fmt.Fprintln(p.stderr, "spreadd: the demonstration is a program of its own: go run ./cmd/spreaddemo")
		return statusUsage
	}
	o, err := p.parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return statusOK
	case err != nil:
		fmt.Fprintf(p.stderr, "spreadd: %v (spreadd -h tells more)\n", err)
		return statusUsage
	case o.version:
		fmt.Fprintln(p.stdout, banner())
		return statusOK
	case o.check:
		err = p.check(o)
	default:
		err = p.serve(ctx, o)
	}
	if err != nil {
		fmt.Fprintf(p.stderr, "spreadd: %v\n", err)
		return statusError
	}
	return statusOK
}

// parse reads the command line. -n, -c and -l are those of the C daemon.
func (p *program) parse(args []string) (options, error) {
	var o options
	fs := flag.NewFlagSet("spreadd", flag.ContinueOnError)
	fs.SetOutput(p.stderr)
	fs.Usage = func() {
		fmt.Fprint(p.stderr, usage)
		fs.PrintDefaults()
	}
	fs.StringVar(&o.name, "n", "", "be the daemon of this `name` (default: the first with an address of this host)")
	fs.StringVar(&o.conf, "c", "", "configuration `file`")
	fs.StringVar(&o.events, "l", "n", "event file of the C daemon, `y or n`; only n is there")
	fs.BoolVar(&o.check, "check", false, "print the configuration as understood, or its errors, and end")
	fs.StringVar(&o.socketDir, "socket-dir", daemon.DefaultSocketDir, "`directory` of the UNIX socket, which clients have to know; empty for none")
	fs.IntVar(&o.maxSessions, "max-sessions", session.DefaultMaxSessions, "largest `number` of clients")
	fs.StringVar(&o.metrics, "metrics", "", "serve metrics to Prometheus on this `address`, as in 127.0.0.1:9803 (default: nowhere)")
	fs.BoolVar(&o.offload, "offload", true, "hand rows of packets to the kernel in one piece, for it or the network card to cut; on the wire all is the same")
	fs.BoolVar(&o.version, "version", false, "print the version")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	switch {
	case fs.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case o.events != "y" && o.events != "n":
		return o, fmt.Errorf("-l %s: want y or n", o.events)
	case o.events == "y":
		return o, errors.New("-l y: there is no event file; clients and memberships are in the log")
	case o.maxSessions < 1:
		return o, fmt.Errorf("-max-sessions %d: want 1 or more", o.maxSessions)
	}
	if o.metrics != "" {
		return o, prom.CheckAddress(o.metrics)
	}
	return o, nil
}

// load finds and reads the configuration. found is false if there is no file
// anywhere and the built-in configuration is used.
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

// check prints the configuration. That this host runs none of its daemons is
// told, but no error of the file, which may be meant for other hosts.
func (p *program) check(o options) error {
	c, err := spreadconf.Load(o.conf, p.env)
	if errors.Is(err, spreadconf.ErrNoFile) && o.conf == "" {
		fmt.Fprintln(p.stdout, "# There is no spread.conf here or in /etc; this is the built-in configuration.")
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

// banner is the line that says what runs.
func banner() string {
	v := wire.OurVersion
	return fmt.Sprintf("spreadd %s, speaks Spread %d.%d.%d, %s", buildinfo.Version(), v.Major, v.Minor, v.Patch, runtime.Version())
}
