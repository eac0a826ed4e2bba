package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/spreadd/spreadd/internal/buildinfo"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/logs/internal/traffic"
	"github.com/spreadd/spreadd/logs/logmon"
	"github.com/spreadd/spreadd/spread"
)

// Main runs the program with the arguments, streams and signals of the process, and returns its exit status.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends at once
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// Exit statuses.
const (
	statusOK    = 0
	statusError = 1
	statusUsage = 2
)

// mode is what goes to standard output.
type mode uint8

const (
	modeAuto   mode = iota
	modeScreen      // a screen on a terminal
	modeText        // lines, or with -once a report
	modeJSON        // objects
	modeQuiet       // nothing
)

// options are what the command line says.
type options struct {
	cfg      logmon.Config
	mode     mode
	once     bool
	interval time.Duration
	rows     int
	host     string
	web      string
	webNames []string
	metrics  string
	verbose  bool
	version  bool
	flags    *flag.FlagSet
}

const (
	usualInterval = 10 * time.Second
	minInterval   = time.Second
	usualRows     = 20
	maxRows       = 10_000
)

const usage = `Usage: logmon [-s ADDRESS] -g GROUP [-g GROUP ...]
       logmon -g GROUP [-web ADDRESS] [-metrics ADDRESS] [-quiet]
       logmon -g GROUP -once [-json]

Shows the traffic of a web farm out of the groups that its access logs are sent
to: requests and bytes a second, status codes, servers, virtual hosts, pages,
and who is online. On a terminal it is a screen, where ? explains the keys.

`

// parse reads the command line. It prints nothing.
func parse(args []string) (options, error) {
	var o options
	c := &o.cfg
	fs := flag.NewFlagSet("logmon", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	o.flags = fs
	address := func(a string) error {
		c.Addresses = append(c.Addresses, a)
		_, err := spread.ParseAddress(a)
		return err
	}
	fs.Func("s", "`address` of the daemon: 4803 (this host), 4803@host; given again, daemons to go to when it is away (default 4803)", address)
	fs.Func("spread", "the same, as in logsub: an `address`", address)
	fs.Func("g", "a `group` to look at; may be given several times", func(g string) error {
		c.Groups = append(c.Groups, g)
		return spread.CheckGroup(g)
	})
	fs.Func("vhost", "`where` lines have their virtual host: auto (looks at each line), first (it is the first word), none (the group stands for it) (default auto)", func(s string) (err error) {
		c.Traffic.VHost, err = traffic.ParseVHostMode(s)
		return err
	})
	fs.DurationVar(&c.Traffic.SessionTimeout, "session", traffic.DefaultSessionTimeout, "`time` without a request after which a client is not online any more")
	fs.IntVar(&c.Traffic.MaxSessions, "max-sessions", traffic.DefaultMaxSessions, "largest `number` of clients that are remembered as online")
	fs.IntVar(&c.Traffic.MaxVHosts, "max-vhosts", traffic.DefaultMaxVHosts, "largest `number` of virtual hosts that have numbers of their own")
	fs.IntVar(&c.Traffic.MaxPages, "max-pages", traffic.DefaultMaxPages, "largest `number` of pages in each list; counts of a page miss one request in so many at most")
	fs.IntVar(&c.QueueBytes, "queue", logmon.DefaultQueueBytes, "largest number of `bytes` that wait to be counted")
	fs.BoolVar(&o.once, "once", false, "look on for one -interval, print what was seen, and end")
	set := func(m mode) func(string) error {
		return func(string) error {
			if o.mode != modeAuto && o.mode != m {
				return errors.New("one of -screen, -plain, -json and -quiet")
			}
			o.mode = m
			return nil
		}
	}
	fs.BoolFunc("screen", "show the screen, even if this is no terminal", set(modeScreen))
	fs.BoolFunc("plain", "print a line each -interval", set(modeText))
	fs.BoolFunc("json", "print an object of JSON each -interval, with -once the only one", set(modeJSON))
	fs.BoolFunc("quiet", "print nothing, for -web and -metrics", set(modeQuiet))
	fs.DurationVar(&o.interval, "interval", usualInterval, "`time` between what is printed")
	fs.IntVar(&o.rows, "rows", usualRows, "largest `number` of rows in lists that are printed as JSON")
	fs.StringVar(&o.host, "host", "", "print the numbers of this virtual `host` only")
	fs.StringVar(&o.web, "web", "", "serve a page for browsers on this `address`, as in 127.0.0.1:9807; it shows addresses of clients (default: nowhere)")
	fs.Func("web-name", "a host `name` by which browsers may ask for the page, besides addresses and localhost; * for any; may be given several times", func(s string) error {
		o.webNames = append(o.webNames, s)
		return nil
	})
	fs.StringVar(&o.metrics, "metrics", "", "serve metrics to Prometheus on this `address`, as in 127.0.0.1:9806; may be that of -web (default: nowhere)")
	fs.BoolVar(&o.verbose, "v", false, "log more")
	fs.BoolVar(&o.version, "V", false, "print the version")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	return o, o.check()
}

// check checks what flags say together.
func (o *options) check() error {
	switch {
	case o.version:
		return nil
	case o.flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", o.flags.Arg(0))
	case len(o.cfg.Groups) == 0:
		return errors.New("nothing to look at: -g GROUP")
	case o.interval < minInterval:
		return fmt.Errorf("-interval is %v: want %v at least", o.interval, minInterval)
	case o.rows < 0 || o.rows > maxRows:
		return fmt.Errorf("-rows is %d: want 0 to %d", o.rows, maxRows)
	case o.once && (o.mode == modeScreen || o.mode == modeQuiet):
		return errors.New("-once prints: leave -screen and -quiet out")
	case len(o.webNames) > 0 && o.web == "":
		return errors.New("-web-name is for -web")
	}
	for _, addr := range []string{o.web, o.metrics} {
		if addr == "" {
			continue
		}
		if err := prom.CheckAddress(addr); err != nil {
			return err
		}
	}
	return nil
}

// run is the program.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		o.flags.SetOutput(stdout)
		o.flags.PrintDefaults()
		return statusOK
	case err != nil:
		fmt.Fprintf(stderr, "logmon: %v (logmon -h tells more)\n", err)
		return statusUsage
	case o.version:
		fmt.Fprintln(stdout, "logmon", buildinfo.Version())
		return statusOK
	}
	if o.mode == modeAuto {
		switch {
		case o.once:
			o.mode = modeText
		case isTerminal(stdin) && isTerminal(stdout) && os.Getenv("TERM") != "dumb":
			o.mode = modeScreen
		case o.web != "" || o.metrics != "":
			o.mode = modeQuiet
		default:
			o.mode = modeText
		}
	}
	if err := o.watch(ctx, stdin, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "logmon: %v\n", err)
		return statusError
	}
	return statusOK
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
