package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/conf/tomlconf"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/logging"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/logs/logpub"
	"github.com/spreadd/spreadd/logs/logpub/metrics"
	"github.com/spreadd/spreadd/logs/logpub/status"
)

// Main runs the program with the arguments, streams and signals of the process, and returns its
// exit status.
func Main() int {
	signal.Ignore(ignored()...)
	if os.Getenv("GOMAXPROCS") == "" {
		// One processor publishes a million lines a second with half of the work: waking others for
		// a few lines costs more than the lines. The web server needs the other processors.
		runtime.GOMAXPROCS(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	stdout, stderr := flags.Streams("logpub")
	status := run(ctx, os.Args[1:], os.Stdin, stdout, stderr)
	stop()
	return status
}

// usagePause is the delay before the exit after a wrong command line.
const usagePause = time.Second

// hangTime is how long the program may still take when the time to send what waits is over.
const hangTime = 10 * time.Second

// run is the program. It returns the exit status. It ends in time although a system call does not return, as
// with a network file system whose server is down.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var now atomic.Pointer[loaded] // what publishes; nil before
	patience := func() time.Duration {
		if l := now.Load(); l != nil {
			return hangTime + max(0, cmp.Or(l.cfg.DrainTimeout, logpub.DefaultDrainTimeout))
		}
		return hangTime
	}
	status := make(chan int, 1)
	if fsutil.Finish(ctx, patience, nil, func() { status <- publish(ctx, &now, args, stdin, stdout, stderr) }) {
		return <-status
	}
	ended, end := context.WithCancel(ctx)
	end()
	fsutil.Finish(ended, func() time.Duration { return time.Second }, nil, func() { // the log may hang, too
		complain(stderr, errors.New("ending without a system call that does not return; does a network file system hang?"))
		if l := now.Load(); l != nil {
			complain(stderr, fmt.Errorf("%w: %d; those that are neither in the spool nor behind the position of a file are lost", logpub.ErrNotSent, l.pub.Unsent()))
		}
	})
	return flags.Failed
}

// publish does what the command line says.
func publish(ctx context.Context, now *atomic.Pointer[loaded], args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if err != nil {
		return o.answer(ctx, err, stdin, stdout, stderr)
	}
	level := slog.LevelInfo
	if o.verbose {
		level = slog.LevelDebug
	}
	o.cfg.Log = slog.New(logging.New(stderr, logging.Options{Format: o.logFormat, Level: level}))
	if o.config != "" && !o.check {
		return serve(ctx, now, o.config, o.cfg.Log, stdin, stderr)
	}
	if o.config != "" {
		return checkConfig(ctx, o.config, stdout, stderr)
	}
	cfg := o.cfg
	cfg.Spool = spoolDir(cfg.Spool)
	p, err := logpub.New(cfg)
	if err != nil {
		err = errors.New(strings.TrimPrefix(err.Error(), "logpub: "))
		return o.answer(ctx, err, stdin, stdout, stderr)
	}
	if o.check {
		say(stdout, tomlconf.Format(fileOf(&o.cfg, o.metrics)))
		return flags.OK
	}
	now.Store(&loaded{cfg: cfg, pub: p})
	logSpool(cfg.Log, o.cfg.Spool, cfg.Spool)
	var source metrics.Source
	source.Use(p.Stats)
	end := observe(ctx, o.metrics, &source, o.cfg.Log)
	defer end()
	if err := p.RunInputs(ctx, logpub.Input{Source: logpub.NewStream(stdin), Name: stdinName}); err != nil {
		complain(stderr, err)
		return flags.Failed
	}
	return flags.OK
}

// checkConfig prints a configuration as understood, or all of its mistakes.
func checkConfig(ctx context.Context, path string, stdout, stderr io.Writer) int {
	l, err := load(ctx, path, nil)
	if l == nil {
		complain(stderr, err)
		return flags.Failed
	}
	errs, warnings := l.file.followable()
	if more, ok := errors.AsType[conf.Errors](err); ok {
		errs = append(errs, more...)
		errs.Sort()
	}
	warnings = append(warnings, l.warnings...)
	conf.SortWarnings(warnings)
	for _, w := range warnings {
		say(stderr, w.String()+"\n")
	}
	if len(errs) > 0 {
		complain(stderr, errs)
		return flags.Failed
	}
	say(stdout, tomlconf.Format(l.file))
	return flags.OK
}

// answer ends a command line that is wrong, or that asks for help or the version.
func (o *options) answer(ctx context.Context, err error, stdin io.Reader, stdout, stderr io.Writer) int {
	status := o.set.Answer(err, stdout, stderr)
	if status != flags.OK {
		pause(ctx, stdin)
	}
	return status
}

// stdinName is the name of standard input in metrics.
const stdinName = "stdin"

// observe serves metrics on an address, unless it is empty, until end is called. After a graceful
// restart of a web server two generations of logpub run at a time: the second one gets the address
// when the first one has ended.
func observe(ctx context.Context, addr string, source *metrics.Source, log *slog.Logger) (end func()) {
	if addr == "" {
		return func() {}
	}
	cfg := prom.Config{Program: "logpub", Collector: metrics.New(source), Log: log}
	status.Serve(&cfg, source)
	return prom.Keep(ctx, addr, cfg)
}

// say prints text. Errors are ignored: there is nowhere else to report them.
func say(w io.Writer, text string) { _, _ = io.WriteString(w, text) }

// complain prints an error with the program's name, which errors of package logpub begin with.
func complain(w io.Writer, err error) {
	say(w, "logpub: "+strings.TrimPrefix(err.Error(), "logpub: ")+"\n")
}

// pause slows down a web server that restarts logpub at once whenever it ends. Without it, a wrong
// command line makes a tight loop that floods the error log (mod_log_spread §2.1).
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
