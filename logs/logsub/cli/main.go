package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	_ "time/tzdata" // zones are the same on all hosts, whatever is installed there

	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/logging"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/sdnotify"
	"github.com/spreadd/spreadd/internal/tlsconf"
	"github.com/spreadd/spreadd/logs/internal/spreadlogdconf"
	"github.com/spreadd/spreadd/logs/logsub"
	"github.com/spreadd/spreadd/logs/logsub/metrics"
	"github.com/spreadd/spreadd/logs/logsub/status"
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

// hangTime is how long the program may take to end without writing anything, beyond the time that commands
// have.
const hangTime = 30 * time.Second

// program is one run of logsub.
type program struct {
	hangTime       time.Duration
	reopen         <-chan os.Signal // each value asks for the files to be reopened
	stdout, stderr io.Writer

	sub atomic.Pointer[logsub.Subscriber] // nil before it is known
}

// run runs the program. It ends in time although a system call does not return, as with a network file system
// whose server is down.
func run(ctx context.Context, reopen <-chan os.Signal, args []string, stdout, stderr io.Writer) int {
	p := &program{hangTime: hangTime, reopen: reopen, stdout: stdout, stderr: stderr}
	return p.run(ctx, args)
}

func (p *program) run(ctx context.Context, args []string) int {
	o, err := parse(args)
	if err != nil {
		return o.set.Answer(err, p.stdout, p.stderr)
	}
	var patience atomic.Int64
	if !o.work.wanted() {
		patience.Store(int64(p.hangTime))
	}
	progress := func() (n int64) {
		if s := p.sub.Load(); s != nil {
			st := s.Stats()
			for i := range st.Sinks {
				n += st.Sinks[i].Records
			}
		}
		return n
	}
	status := make(chan int, 1)
	work := func() { status <- p.work(ctx, &o, &patience) }
	if fsutil.Finish(ctx, func() time.Duration { return time.Duration(patience.Load()) }, progress, work) {
		return <-status
	}
	if !o.work.wanted() {
		p.explain(ctx)
	}
	return flags.Failed
}

// work does what the command line says.
func (p *program) work(ctx context.Context, o *options, patience *atomic.Int64) int {
	if o.work.wanted() && !o.work.network(o.conf) {
		return o.work.run(p.stdout, p.stderr)
	}
	cfg, err := o.config(ctx, p.stdout, p.stderr)
	if err == nil && o.check {
		return flags.OK
	}
	switch {
	case err != nil:
	case o.work.wanted():
		err = compare(ctx, cfg, o.work.verify, p.stdout)
	default:
		patience.Add(int64(cfg.CommandWait))
		err = p.subscribe(ctx, cfg)
	}
	if err != nil {
		fmt.Fprintf(p.stderr, "logsub: %s\n", strings.TrimPrefix(err.Error(), "logsub: "))
		return flags.Failed
	}
	return flags.OK
}

// explain says why the program ends without having finished, as far as that takes no long time.
func (p *program) explain(ctx context.Context) {
	fsutil.Finish(ctx, func() time.Duration { return time.Second }, nil, func() {
		fmt.Fprintln(p.stderr, "logsub: ending without a system call that does not return; does a network file system hang?")
		s := p.sub.Load()
		if s == nil {
			return
		}
		n, st := int64(0), s.Stats()
		for i := range st.Logs {
			n += st.Logs[i].Lines
		}
		for i := range st.Sinks {
			sink := &st.Sinks[i]
			n += int64(sink.QueueLines) + sink.QueueDropped - sink.Records - sink.DroppedRecords - sink.Lost()
		}
		fmt.Fprintf(p.stderr, "logsub: %d lines or more that were received are not written; those that are not in a spool are lost\n", n)
	})
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
	o.eachLog(&cfg)
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
	if o.tls != (tlsconf.Client{}) {
		cfg.TLS = o.tls
	}
	cfg.DaemonUsers = append(cfg.DaemonUsers, o.users...)
	cfg.Truncate = cfg.Truncate || o.truncate
	cfg.NoLock = cfg.NoLock || o.noLock
	level := slog.LevelInfo
	if o.verbose {
		level = slog.LevelDebug
	}
	if f, ok := stderr.(*os.File); ok {
		cfg.Output = f
	}
	cfg.Log = slog.New(logging.New(stderr, logging.Options{Format: o.logFormat, Level: level}))
	if o.check && (o.conf == "" || o.convert != "" || o.toml()) {
		fmt.Fprint(stdout, cfg.TOML())
	}
	err := cfg.Check()
	if o.check && o.convert == "" {
		warnDirectories(&cfg, stderr)
		err = errors.Join(err, checkLists(ctx, &cfg, stderr))
	}
	if err == nil && o.check && o.convert == "" {
		err = cfg.FindPerl() // the program could not start without it
	}
	return cfg, err
}

// eachLog sets in each log what the command line says for all.
func (o *options) eachLog(cfg *logsub.Config) {
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
}

// checkLists reads the lists of groups, and says how many groups each has. That a list does not exist is a
// warning, because the program may run on another host.
func checkLists(ctx context.Context, cfg *logsub.Config, stderr io.Writer) error {
	var errs []error
	for _, c := range cfg.Connections {
		for i := range c.Logs {
			path := c.Logs[i].GroupsFile
			if path == "" {
				continue
			}
			groups, mistakes, err := logsub.ReadGroups(ctx, path)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				fmt.Fprintf(stderr, "logsub: warning: %v; create it\n", err)
			case err != nil:
				errs = append(errs, err)
			case len(mistakes) > 0:
				errs = append(errs, mistakes)
			default:
				fmt.Fprintf(stderr, "logsub: %s names %d groups\n", path, len(groups))
			}
		}
	}
	return errors.Join(errs...)
}

// warnDirectories warns of the directories of files that do not exist. The program may run on another host.
func warnDirectories(cfg *logsub.Config, stderr io.Writer) {
	var dirs []string
	for _, c := range cfg.Connections {
		for i := range c.Logs {
			file := c.Logs[i].File
			if file == "" || strings.HasPrefix(file, "|") {
				continue
			}
			fixed, _, template := strings.Cut(file, "%")
			if template {
				fixed += "x" // of a directory that logsub makes, or of a file
			}
			if dir := filepath.Dir(fixed); !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	for _, dir := range dirs {
		if _, err := os.Stat(dir); err != nil {
			fmt.Fprintf(stderr, "logsub: warning: directory of log files: %v; create it, and let the user of logsub write to it\n", err)
		}
	}
}

// connected returns a check that fails while no daemon is connected, for /readyz.
func connected(s *logsub.Subscriber) func(context.Context) error {
	return func(context.Context) error {
		if !slices.ContainsFunc(s.Stats().Daemons, func(d logsub.DaemonStats) bool { return d.Connected }) {
			return errors.New("no daemon is connected")
		}
		return nil
	}
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

func (p *program) subscribe(ctx context.Context, cfg logsub.Config) error {
	s, err := logsub.New(cfg)
	if err != nil {
		return err
	}
	p.sub.Store(s)
	if cfg.Metrics != "" {
		served := prom.Config{Program: "logsub", Collector: metrics.New(s.Stats), Log: cfg.Log, Ready: connected(s)}
		status.Serve(&served, s.Stats)
		end := prom.Keep(ctx, cfg.Metrics, served)
		defer end()
	}
	notify := sdnotify.Open()
	notify.Ready("")
	unstop := context.AfterFunc(ctx, notify.Stopping)
	defer unstop()
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case <-p.reopen:
				s.Reopen()
			case <-done:
				return
			}
		}
	}()
	return s.Run(ctx)
}
