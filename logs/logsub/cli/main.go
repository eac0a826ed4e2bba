package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // zones are the same on all hosts, whatever is installed there

	"github.com/spreadd/spreadd/internal/buildinfo"
	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/logs/internal/sink/archive"
	"github.com/spreadd/spreadd/logs/internal/spreadlogdconf"
	"github.com/spreadd/spreadd/logs/logsub"
	"github.com/spreadd/spreadd/logs/logsub/metrics"
)

// Main runs the program with the arguments, streams and signals of the process, and returns its exit status.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	reopen := make(chan os.Signal, 1)
	signal.Notify(reopen, reopenSignals()...)
	status := run(ctx, reopen, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	return status
}

// Exit statuses.
const (
	statusOK    = 0
	statusError = 1
	statusUsage = 2
)

// Values of -format.
const (
	formatTOML       = "toml"
	formatSpreadlogd = "spreadlogd"
)

// options are what the command line says.
type options struct {
	conf      string
	buffer    int
	noLock    bool
	verbose   bool
	version   bool
	check     bool
	spread    string
	logs      []logsub.Log
	rewrite   string
	clock     logsub.Clock
	clockSet  bool
	zone      *time.Location
	openFiles int
	keep      logsub.Keeping
	sync      time.Duration
	format    string // of conf
	convert   string
	truncate  bool
	queue     int
	stats     time.Duration
	index     bool
	work      indexWork
	metrics   string
	noFileFor string // a group that was named without a file
}

const usage = `Usage: logsub [-spread ADDRESS] -g GROUP -o FILE [-g GROUP -o FILE ...]
       logsub -c logsub.toml [-check]
       logsub -c spreadlogd.conf [-check]
       logsub -convert spreadlogd.conf > logsub.toml
       logsub -fill DIR -from DIR
       logsub -verify DIR

Writes what is sent to groups to files. SIGHUP or SIGUSR1 reopens the files.

`

// parse reads the command line. What it prints goes to stderr.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("logsub", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprint(stderr, usage)
		fs.PrintDefaults()
	}
	fs.StringVar(&o.conf, "c", "", "read this configuration `file`: TOML if its name ends with .toml, else as spreadlogd.conf")
	fs.StringVar(&o.format, "format", "", "what the file of -c is, whatever its name: toml or spreadlogd")
	fs.StringVar(&o.convert, "convert", "", "print this spreadlogd.conf `file` as TOML, and end")
	fs.IntVar(&o.buffer, "b", 0, "largest message in `bytes`; wins over BufferSize (default: any, or what the file says)")
	fs.BoolVar(&o.noLock, "s", false, "do not lock the files")
	fs.BoolVar(&o.verbose, "v", false, "log more")
	fs.BoolVar(&o.verbose, "x", false, "the same, as in spreadlogd")
	fs.Bool("D", true, "stay in the foreground, which logsub always does")
	fs.BoolVar(&o.version, "V", false, "print the version")
	fs.BoolVar(&o.check, "check", false, "check the configuration, print it as understood, and end")
	fs.StringVar(&o.spread, "spread", "4803", "`address` of the daemon: 4803 (this host), 4803@host")
	fs.Func("g", "a `group` to join; its file follows with -o", func(g string) error {
		if o.noFileFor != "" {
			return fmt.Errorf("group %q has no file yet: put -o FILE behind its -g", o.noFileFor)
		}
		o.noFileFor = g
		return nil
	})
	fs.Func("o", "the `file` for the group named before; it may depend on the message and the time: /logs/%{vhost}/%Y/%m/%d.log, %{group}, %{host}, %{user}; or a command: |COMMAND", func(f string) error {
		if o.noFileFor == "" {
			return errors.New("name a group with -g first")
		}
		o.logs = append(o.logs, logsub.Log{Group: o.noFileFor, File: f})
		o.noFileFor = ""
		return nil
	})
	fs.StringVar(&o.rewrite, "rewrite-timestamp", "", "replace the bracketed time by that of -clock: clf, or a strftime `format`")
	fs.Func("clock", "the time that counts: agreed, the latest of any line so far; line; receipt, by this host's `clock` (default agreed)", func(text string) (err error) {
		o.clock, err = logsub.ParseClock(text)
		o.clockSet = true
		return err
	})
	fs.Func("zone", "the `zone` of times: UTC, Local or a name such as Europe/Berlin (default UTC)", func(text string) (err error) {
		o.zone, err = time.LoadLocation(text)
		return err
	})
	fs.Func("rotate-size", "cut files before they become larger than `size`, such as 1GiB: FILE.000001 and so on", func(text string) error {
		size, err := conf.ParseSize(text)
		o.keep.Size = int64(size)
		return err
	})
	fs.Func("compress", "`how` to compress closed files: gzip or zstd", func(text string) (err error) {
		o.keep.Compress, err = archive.ParseCompression(text)
		return err
	})
	fs.Func("keep-age", "remove closed files after this `time`, such as 30d", func(text string) (err error) {
		o.keep.Age, err = conf.ParseDuration(text)
		return err
	})
	fs.IntVar(&o.keep.Count, "keep-count", 0, "keep at most this `number` of closed files")
	fs.Func("fsync", "`when` to hand files to the disk: never, batch, or a time such as 5s (default never)", func(text string) (err error) {
		o.sync, err = logsub.ParseSync(text)
		return err
	})
	fs.BoolVar(&o.index, "index", false, "keep an index of the lines in each file beside it, as envelope = \"index\"")
	fs.StringVar(&o.work.fill, "fill", "", "bring lines that are missing in the logs of this `directory` over from those of -from, by their indexes, and end")
	fs.StringVar(&o.work.from, "from", "", "the `directory` with the logs of another log host, mounted or copied, indexes included")
	fs.StringVar(&o.work.verify, "verify", "", "compare the logs of this `directory` with their indexes, and end")
	fs.IntVar(&o.openFiles, "open-files", 0, "at most this `number` of files of a path template are open at a time (default 256, or what the file says)")
	fs.BoolVar(&o.truncate, "truncate", false, "cut messages that are too long instead of dropping them")
	fs.IntVar(&o.queue, "queue", 0, "largest number of `bytes` that wait for the files (default 64 MiB, or what the file says)")
	fs.Func("metrics", "serve metrics to Prometheus on this `address`, as in 127.0.0.1:9805 (default: nowhere, or what the file says)", func(addr string) error {
		o.metrics = addr
		return prom.CheckAddress(addr)
	})
	fs.DurationVar(&o.stats, "stats", 0, "`time` between two lines of counters, negative for none (default 1m, or what the file says)")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	switch {
	case fs.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case o.noFileFor != "":
		return o, fmt.Errorf("group %q has no file: put -o FILE behind its -g", o.noFileFor)
	case o.version:
	case o.work.wanted():
		return o, o.work.check(o.conf != "" || o.convert != "" || len(o.logs) > 0)
	case o.format != "" && o.format != formatTOML && o.format != formatSpreadlogd:
		return o, fmt.Errorf("-format is %q, and has to be %s or %s", o.format, formatTOML, formatSpreadlogd)
	case o.convert != "" && (o.conf != "" || len(o.logs) > 0):
		return o, errors.New("-convert stands alone")
	case o.convert != "":
		o.conf, o.format, o.check = o.convert, formatSpreadlogd, true
	case o.conf != "" && len(o.logs) > 0:
		return o, errors.New("-c and -g exclude each other")
	case o.conf == "" && len(o.logs) == 0:
		return o, errors.New("nothing to do: -g GROUP -o FILE, or -c FILE")
	}
	return o, nil
}

// run is the program. Each value of reopen asks for the files to be reopened.
func run(ctx context.Context, reopen <-chan os.Signal, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return statusOK
	case err != nil:
		fmt.Fprintf(stderr, "logsub: %v (logsub -h tells more)\n", err)
		return statusUsage
	case o.version:
		fmt.Fprintln(stdout, "logsub", buildinfo.Version())
		return statusOK
	case o.work.wanted():
		return o.work.run(stdout, stderr)
	}
	cfg, err := o.config(stdout, stderr)
	if err == nil && o.check {
		return statusOK
	}
	if err == nil {
		err = subscribe(ctx, reopen, cfg)
	}
	if err != nil {
		fmt.Fprintf(stderr, "logsub: %v\n", err)
		return statusError
	}
	return statusOK
}

// config makes the configuration out of the command line and the file that it
// names.
func (o *options) config(stdout, stderr io.Writer) (logsub.Config, error) {
	cfg := logsub.Config{
		Connections: []logsub.Connection{{Address: o.spread, Logs: o.logs}},
		QueueBytes:  logsub.DefaultQueueBytes, StatsInterval: logsub.DefaultStatsInterval,
	}
	if o.conf != "" {
		var err error
		if cfg, err = o.read(stdout, stderr); err != nil {
			return cfg, err
		}
	}
	for _, c := range cfg.Connections {
		for i := range c.Logs {
			if o.rewrite != "" {
				c.Logs[i].Rewrite = o.rewrite
			}
			if o.keep != (logsub.Keeping{}) {
				c.Logs[i].Keep = o.keep
			}
			if o.index && c.Logs[i].SQL == nil && !strings.HasPrefix(c.Logs[i].File, "|") {
				c.Logs[i].Envelope = logsub.EnvelopeIndex
			}
			if o.clockSet {
				c.Logs[i].Clock = o.clock
			}
		}
	}
	if o.zone != nil {
		cfg.Zone = o.zone
	}
	if o.sync != 0 {
		cfg.SyncInterval = o.sync
	}
	if o.openFiles > 0 {
		cfg.OpenFiles = o.openFiles
	}
	if o.buffer > 0 {
		cfg.BufferSize = o.buffer
	}
	if o.queue > 0 {
		cfg.QueueBytes = o.queue
	}
	if o.stats != 0 {
		cfg.StatsInterval = o.stats
	}
	if o.metrics != "" {
		cfg.Metrics = o.metrics
	}
	cfg.Truncate = cfg.Truncate || o.truncate
	cfg.NoLock = cfg.NoLock || o.noLock
	level := slog.LevelInfo
	if o.verbose {
		level = slog.LevelDebug
	}
	if f, ok := stderr.(*os.File); ok {
		cfg.Output = f
	}
	cfg.Log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	if o.check && (o.conf == "" || o.convert != "" || o.toml()) {
		fmt.Fprint(stdout, cfg.TOML())
	}
	err := cfg.Check()
	if err == nil && o.check && o.convert == "" {
		err = cfg.FindPerl() // a start would miss it as well
	}
	return cfg, err
}

// toml reports whether the configuration file is in TOML.
func (o *options) toml() bool {
	return o.format == formatTOML || o.format == "" && filepath.Ext(o.conf) == ".toml"
}

// read reads the configuration file. With -check it prints a spreadlogd.conf
// as it was understood.
func (o *options) read(stdout, stderr io.Writer) (logsub.Config, error) {
	src, err := os.ReadFile(o.conf)
	if err != nil {
		return logsub.Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	if o.toml() {
		return logsub.ParseTOML(o.conf, src)
	}
	file, err := spreadlogdconf.Parse(o.conf, src)
	for _, w := range file.Warnings {
		fmt.Fprintln(stderr, w)
	}
	if err != nil {
		return logsub.Config{}, err
	}
	if o.check && o.convert == "" {
		fmt.Fprint(stdout, file)
	}
	return logsub.FromSpreadlogd(file)
}

func subscribe(ctx context.Context, reopen <-chan os.Signal, cfg logsub.Config) error {
	s, err := logsub.New(cfg)
	if err != nil {
		return err
	}
	if cfg.Metrics != "" {
		end := prom.Keep(ctx, cfg.Metrics, prom.Config{Program: "logsub", Collector: metrics.New(s.Stats), Log: cfg.Log})
		defer end()
	}
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case <-reopen:
				s.Reopen()
			case <-done:
				return
			}
		}
	}()
	return s.Run(ctx)
}
