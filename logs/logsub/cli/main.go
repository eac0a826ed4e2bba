package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	_ "time/tzdata" // zones are the same on all hosts, whatever is installed there

	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/logs/internal/spreadlogdconf"
	"github.com/spreadd/spreadd/logs/logsub"
	"github.com/spreadd/spreadd/logs/logsub/metrics"
)

// Main runs the program with the arguments, streams and signals of the process, and returns its
// exit status.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	reopen := make(chan os.Signal, 1)
	signal.Notify(reopen, reopenSignals()...)
	stdout, stderr := flags.Streams("logsub")
	status := run(ctx, reopen, os.Args[1:], stdout, stderr)
	stop()
	return status
}

// run is the program. Each value of reopen asks for the files to be reopened.
func run(ctx context.Context, reopen <-chan os.Signal, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if err != nil {
		return o.set.Answer(err, stdout, stderr)
	}
	if o.work.wanted() && !o.work.network(o.conf) {
		return o.work.run(stdout, stderr)
	}
	cfg, err := o.config(ctx, stdout, stderr)
	if err == nil && o.check {
		return flags.OK
	}
	switch {
	case err != nil:
	case o.work.wanted():
		err = compare(ctx, cfg, o.work.verify, stdout)
	default:
		err = subscribe(ctx, reopen, cfg)
	}
	if err != nil {
		fmt.Fprintf(stderr, "logsub: %v\n", err)
		return flags.Failed
	}
	return flags.OK
}

// config merges the command line into the configuration file that it names.
func (o *options) config(ctx context.Context, stdout, stderr io.Writer) (logsub.Config, error) {
	cfg := logsub.Config{
		Connections: []logsub.Connection{{Address: o.daemon, Logs: o.logs}},
		QueueBytes:  logsub.DefaultQueueBytes, StatsInterval: logsub.DefaultStatsInterval,
	}
	if o.conf != "" {
		var err error
		if cfg, err = o.read(ctx, stdout, stderr); err != nil {
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
		err = cfg.FindPerl() // the program could not start without it
	}
	return cfg, err
}

// toml reports whether the configuration file is in TOML.
func (o *options) toml() bool {
	return o.format == formatTOML || o.format == "" && filepath.Ext(o.conf) == ".toml"
}

// read reads the configuration file. With -check it prints a spreadlogd.conf as understood.
func (o *options) read(ctx context.Context, stdout, stderr io.Writer) (logsub.Config, error) {
	src, err := fsutil.ReadFile(ctx, o.conf)
	if err != nil {
		return logsub.Config{}, fmt.Errorf("cannot read the configuration: %w", err)
	}
	if o.toml() {
		cfg, warnings, err := logsub.ParseTOML(o.conf, src)
		for _, w := range warnings {
			fmt.Fprintln(stderr, w)
		}
		return cfg, err
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
