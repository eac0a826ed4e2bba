package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/sdnotify"
	"github.com/spreadd/spreadd/logs/logpub"
	"github.com/spreadd/spreadd/logs/logpub/metrics"
)

// With more than manyInputs inputs, most are idle, and their memory counts more than the time to collect
// garbage. GOGC in the environment has precedence.
const (
	manyInputs    = 100
	manyGCPercent = 40
)

// loaded is a configuration that has been checked.
type loaded struct {
	file     *File
	cfg      logpub.Config
	pub      *logpub.Publisher
	warnings []conf.Warning
}

// load reads and checks a configuration file.
func load(ctx context.Context, path string, log *slog.Logger) (*loaded, error) {
	file, warnings, err := readConfig(ctx, path)
	if err != nil {
		return nil, err
	}
	l := &loaded{file: file, cfg: file.publisher(), warnings: warnings}
	l.cfg.Log, l.cfg.Spool = log, spoolDir(l.cfg.Spool)
	if l.pub, err = logpub.New(l.cfg); err != nil {
		return nil, fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "logpub: "))
	}
	return l, file.check(l.pub)
}

// hasStdin reports whether standard input is among the inputs.
func (l *loaded) hasStdin() bool {
	for _, in := range l.file.Inputs {
		if in.Stdin {
			return true
		}
	}
	return false
}

// warn logs the warnings of a configuration.
func (l *loaded) warn(log *slog.Logger) {
	for _, w := range l.warnings {
		log.Warn("configuration", slog.String("at", w.Pos.String()), slog.String("warning", w.Text))
	}
}

// serve publishes as the configuration file says. On each SIGHUP it reloads the file and continues
// with it if it is valid.
func serve(ctx context.Context, now *atomic.Pointer[loaded], path string, log *slog.Logger, stdin io.Reader, stderr io.Writer) int {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	l, err := load(ctx, path, log)
	if err != nil {
		complain(stderr, err)
		pause(ctx, stdin)
		return flags.Failed
	}
	logSpool(log, l.file.Spool.Dir, l.cfg.Spool)
	if len(l.file.Inputs) > manyInputs && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(manyGCPercent)
	}
	notify := sdnotify.Open()
	unstop := context.AfterFunc(ctx, notify.Stopping)
	defer unstop()
	var source metrics.Source
	observed, end := "", func() {}
	defer func() { end() }()
	var lock stateLock
	defer lock.release()
	if err := lock.use(l.file, log); err != nil {
		complain(stderr, err)
		pause(ctx, stdin)
		return flags.Failed
	}
	for {
		now.Store(l)
		lock.settle()
		source.Use(l.pub.Stats)
		l.warn(log)
		if l.file.Metrics != observed {
			end()
			observed, end = l.file.Metrics, observe(ctx, l.file.Metrics, &source, log)
		}
		inputs, err := l.file.open(ctx, l.cfg, stdin)
		if err != nil {
			complain(stderr, err)
			return flags.Failed
		}
		notify.Ready("")
		running, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- l.pub.RunInputs(running, inputs...) }()
		var next *loaded
		for next == nil {
			select {
			case err := <-ended:
				stop()
				if err != nil {
					complain(stderr, err)
					return flags.Failed
				}
				return flags.OK
			case <-hup:
				if next = reload(ctx, path, l, &lock, notify, log); next == nil {
					source.Failed()
				}
			}
		}
		stop()
		if err := <-ended; err != nil {
			complain(stderr, err)
		}
		if ctx.Err() != nil {
			return flags.OK
		}
		l = next
	}
}

// reload returns the new configuration, whose state directory it has locked, or nil to keep the old one.
func reload(ctx context.Context, path string, old *loaded, lock *stateLock, notify *sdnotify.Notifier, log *slog.Logger) (next *loaded) {
	notify.Reloading()
	defer func() {
		if next == nil {
			notify.Ready("configuration refused, the old one is in use; the log says why")
		}
	}()
	next, err := load(ctx, path, log)
	switch {
	case err != nil:
	case old.hasStdin() || next.hasStdin():
		log.Warn("cannot reload a configuration that reads standard input; restart logpub to use the new one")
		return nil
	default:
		err = lock.use(next.file, log)
	}
	if err != nil {
		log.Error("cannot reload the configuration; keeping the old one", slog.Any("error", err))
		return nil
	}
	log.Info("configuration reloaded")
	return next
}
