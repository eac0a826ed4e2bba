package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spreadd/spreadd/internal/buildinfo"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/logs/logpub"
	"github.com/spreadd/spreadd/logs/logpub/metrics"
	"github.com/spreadd/spreadd/spread"
)

// Main runs the program with the arguments, streams and signals of the process, and returns its exit status.
func Main() int {
	signal.Ignore(ignored()...)
	if os.Getenv("GOMAXPROCS") == "" {
		// A web server wants the other processors, and waking them for a few lines costs more than the lines:
		// with one it is a million lines a second and half of the work.
		runtime.GOMAXPROCS(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	status := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	return status
}

// Exit statuses.
const (
	statusOK    = 0
	statusError = 1
	statusUsage = 2
)

// usagePause is how long a wrong command line waits before the end.
const usagePause = time.Second

// options are what the command line says.
type options struct {
	cfg     logpub.Config
	config  string
	check   bool
	metrics string
	verbose bool
	version bool
	flags   *flag.FlagSet
}

const usage = `Usage: logpub [-s ADDRESS] -g GROUP [-g GROUP ...]

Sends the lines of its standard input to a group. In Apache:
  CustomLog "|/usr/local/bin/logpub -s 4803 -g coolsite" combined

`

// parse reads the command line. It prints nothing.
func parse(args []string) (options, error) {
	var o options
	c := &o.cfg
	fs := flag.NewFlagSet("logpub", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	o.flags = fs
	c.Address = logpub.DefaultAddress
	named := false
	fs.Func("s", "`address` of the daemon: 4803 (this host), 4803@host; given again, daemons to go to when it is away (default 4803)", func(a string) error {
		if named {
			c.Fallbacks = append(c.Fallbacks, a)
		} else {
			c.Address, named = a, true
		}
		return nil
	})
	fs.Func("g", "a `group` to send to; may be given several times", func(g string) error {
		c.Groups = append(c.Groups, g)
		return spread.CheckGroup(g)
	})
	fs.StringVar(&c.Name, "u", "", "private `name` (default: lp and the process id)")
	fs.Func("service", "`service` of the messages: unreliable, reliable, fifo, causal, agreed or safe (default reliable)", func(s string) (err error) {
		c.Service, err = spread.ParseService(s)
		return err
	})
	c.MessType = logpub.DefaultMessType
	fs.Func("type", "`number` that subscribers see as the messages' type (default 1, as mod_log_spread's)", func(s string) error {
		n, err := strconv.ParseInt(s, 10, 16)
		if err != nil {
			return fmt.Errorf("want a number from %d to %d", math.MinInt16, math.MaxInt16)
		}
		c.MessType = int16(n)
		return nil
	})
	fs.IntVar(&c.QueueBytes, "queue", logpub.DefaultQueueBytes, "largest number of `bytes` that wait for the daemon")
	fs.Func("vhost-field", "`number` of the field, from 1, that has the virtual host: lines go to the group of its name, others to -g", func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return errors.New("want a number from 1")
		}
		c.Route = &logpub.Route{Field: n, VHost: true}
		return nil
	})
	fs.StringVar(&c.Vhost, "vhost", "", "`name` of the virtual host whose lines these are: it goes in front of each")
	fs.Func("vhost-word", "what becomes of the virtual host at the beginning of lines: keep; clean, lower case without port; or `strip` (default keep)", func(s string) (err error) {
		c.VhostWord, err = logpub.ParseVhostWord(s)
		return err
	})
	fs.BoolVar(&c.Envelope, "envelope", false, "put publisher, epoch and number in front of each line, for logsub to tell repeats and gaps")
	fs.IntVar(&c.BatchBytes, "batch", 0, "`bytes` of lines that may share a message, for subscribers of -envelope (default: each line is a message)")
	fs.StringVar(&c.Publisher, "publisher", "", "our `name` in envelopes (default: the host's)")
	fs.BoolVar(&c.Confirm, "confirm", false, "keep lines until all daemons of the ring have them")
	fs.StringVar(&c.Spool, "spool", "", "`directory` for lines that wait longer than memory can hold them, and over restarts (default: none)")
	fs.Int64Var(&c.SpoolBytes, "spool-bytes", logpub.DefaultSpoolBytes, "largest number of `bytes` in the spool")
	fs.DurationVar(&c.SpoolAfter, "spool-after", logpub.DefaultSpoolAfter, "`time` that lines wait in memory alone, which is what a kill can lose; negative for none")
	fs.Func("full", "what to do when queue and spool are full: drop-newest, drop-oldest or block (default drop-newest)", func(s string) (err error) {
		c.Policy, err = logpub.ParsePolicy(s)
		return err
	})
	fs.DurationVar(&c.BlockTime, "block", logpub.DefaultBlockTime, "`time` for which reading may wait for room in the queue; negative for none")
	fs.DurationVar(&c.DrainTimeout, "drain", logpub.DefaultDrainTimeout, "`time` to send what is left at the end; negative for none")
	fs.IntVar(&c.MaxLine, "max-line", 0, "longest line in `bytes`; longer ones are cut (default: what fits into a message)")
	fs.DurationVar(&c.StatsInterval, "stats", logpub.DefaultStatsInterval, "`time` between two lines of counters; negative for none")
	fs.StringVar(&o.config, "config", "", "read everything from this `file` (TOML), and again on SIGHUP; only -check and -v go with it")
	fs.Func("metrics", "serve metrics to Prometheus on this `address`, as in 127.0.0.1:9804 (default: nowhere)", func(addr string) error {
		o.metrics = addr
		return prom.CheckAddress(addr)
	})
	fs.BoolVar(&o.check, "check", false, "check the configuration and end")
	fs.BoolVar(&o.verbose, "v", false, "log more")
	fs.BoolVar(&o.version, "V", false, "print the version")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	switch {
	case fs.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case o.config != "":
		var with []string
		fs.Visit(func(f *flag.Flag) {
			if f.Name != "config" && f.Name != "check" && f.Name != "v" {
				with = append(with, "-"+f.Name)
			}
		})
		if len(with) > 0 {
			return o, fmt.Errorf("-config and %s: write it into the file", strings.Join(with, ", "))
		}
	case len(c.Groups) == 0 && !o.version:
		return o, errors.New("nothing to do: -g GROUP")
	}
	return o, nil
}

// run is the program.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		say(stderr, usage)
		o.flags.SetOutput(stderr)
		o.flags.PrintDefaults()
		return statusOK
	case err == nil && o.version:
		say(stdout, "logpub "+buildinfo.Version()+"\n")
		return statusOK
	}
	var p *logpub.Publisher
	if err == nil {
		level := slog.LevelInfo
		if o.verbose {
			level = slog.LevelDebug
		}
		o.cfg.Log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
		switch {
		case o.config != "" && o.check:
			_, err = load(o.config, nil)
		case o.config != "":
			return serve(ctx, o.config, o.cfg.Log, stdin, stderr)
		default:
			p, err = logpub.New(o.cfg)
		}
	}
	if err != nil {
		complain(stderr, err, " (logpub -h tells more)")
		pause(ctx, stdin)
		return statusUsage
	}
	if o.check {
		say(stdout, "the configuration is in order\n")
		return statusOK
	}
	var source metrics.Source
	source.Use(p.Stats)
	end := observe(ctx, o.metrics, &source, o.cfg.Log)
	defer end()
	if err := p.RunInputs(ctx, logpub.Input{Source: logpub.NewStream(stdin), Name: stdinName}); err != nil {
		complain(stderr, err, "")
		return statusError
	}
	return statusOK
}

// stdinName is standard input's in metrics.
const stdinName = "stdin"

// observe serves metrics on an address, unless it is empty, until end is called. Two generations of us
// may be there at a time, as after a graceful restart of a web server: the second one gets the address when the first
// has gone.
func observe(ctx context.Context, addr string, source *metrics.Source, log *slog.Logger) (end func()) {
	if addr == "" {
		return func() {}
	}
	return prom.Keep(ctx, addr, prom.Config{Program: "logpub", Collector: metrics.New(source), Log: log})
}

// say prints text. If nobody listens there is nobody to tell.
func say(w io.Writer, text string) { _, _ = io.WriteString(w, text) }

// complain prints an error with the program's name, which those of package logpub
// have already.
func complain(w io.Writer, err error, advice string) {
	say(w, "logpub: "+strings.TrimPrefix(err.Error(), "logpub: ")+advice+"\n")
}

// pause keeps a web server that starts us again and again, and writes a line to its error
// log each time, from doing so in a tight loop (mod_log_spread §2.1).
func pause(ctx context.Context, stdin io.Reader) {
	f, ok := stdin.(*os.File)
	if !ok {
		return
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(usagePause):
	}
}
