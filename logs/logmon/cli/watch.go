package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/logging"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/sdnotify"
	"github.com/spreadd/spreadd/logs/internal/traffic"
	"github.com/spreadd/spreadd/logs/logmon"
	"github.com/spreadd/spreadd/logs/logmon/metrics"
	"github.com/spreadd/spreadd/logs/logmon/screen"
	"github.com/spreadd/spreadd/logs/logmon/web"
)

// reportWidth is the width of a report in cells, as a mail or a page of a book has it.
const reportWidth = 100

// watch runs a monitor and shows what it sees until ctx ends, or the user leaves.
func (o *options) watch(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error {
	level := slog.LevelInfo
	if o.verbose {
		level = slog.LevelDebug
	}
	log := slog.New(logging.New(stderr, logging.Options{Format: o.logFormat, Level: level}))
	if o.mode == modeScreen && isTerminal(stderr) {
		log = slog.New(slog.DiscardHandler) // it would write over the screen, which says the same
	}
	o.cfg.Log = log
	m, err := logmon.New(o.cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	served := make(chan error, 1)
	end, err := o.serve(ctx, m, log, &running, served)
	if err != nil {
		return err
	}
	defer end()
	running.Go(func() { m.Run(ctx) })
	notify := sdnotify.Open()
	notify.Ready("")
	defer notify.Stopping()
	shown := make(chan error, 1)
	go func() { shown <- o.show(ctx, m, stdin, stdout) }()
	select {
	case err = <-shown:
	case err = <-served:
		cancel()
		err = errors.Join(err, <-shown)
	}
	return err
}

// serve serves the page and the metrics, if they are asked for. All addresses are bound when it
// returns; end closes what needs it. What fails later goes to failed.
func (o *options) serve(ctx context.Context, m *logmon.Monitor, log *slog.Logger, running *sync.WaitGroup, failed chan<- error) (end func(), err error) {
	page := web.NewHandler(m, o.webNames)
	cfg := prom.Config{Program: "logmon", Collector: metrics.New(m), Log: log}
	end = func() {}
	var s *web.Server
	if o.web != "" && o.web != o.metrics {
		if s, err = web.Listen(ctx, o.web, page, log); err != nil {
			return nil, fmt.Errorf("%w; choose another address with -web", err)
		}
		cfg.Page = s.Addr()
	}
	if o.metrics != "" {
		if o.metrics == o.web {
			cfg.Mount = func(mux *http.ServeMux) { mux.Handle("/", page) }
		}
		counters, err := prom.Listen(ctx, o.metrics, cfg)
		if err != nil {
			if s != nil {
				err = errors.Join(err, s.Close())
			}
			return nil, err
		}
		end = counters.Start()
	}
	if s == nil {
		return end, nil
	}
	log.Info("serving the page", slog.String("address", s.Addr().String()))
	running.Go(func() {
		if err := s.Serve(ctx); err != nil {
			failed <- err
		}
	})
	return end, nil
}

// show shows on standard output what is asked for.
func (o *options) show(ctx context.Context, m *logmon.Monitor, stdin io.Reader, stdout io.Writer) error {
	switch {
	case o.once:
		return o.showOnce(ctx, m, stdout)
	case o.mode == modeScreen:
		return screen.Run(ctx, m, stdin, flags.Lasting(stdout)) // it asks the file about the terminal
	case o.mode == modeQuiet:
		<-ctx.Done()
		return nil
	}
	serving := o.web != "" || o.metrics != ""
	if serving {
		stdout = flags.Lasting(stdout)
	}
	tick := time.NewTicker(o.interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			err := o.print(stdout, m.View(o.query(false)))
			if err != nil && serving {
				o.cfg.Log.Warn("cannot print; serving the page and the metrics goes on", slog.Any("error", err))
				<-ctx.Done()
				return nil
			}
			if err != nil {
				return err
			}
		}
	}
}

// showOnce looks on for an interval.
func (o *options) showOnce(ctx context.Context, m *logmon.Monitor, stdout io.Writer) error {
	limit := time.NewTimer(o.interval)
	defer limit.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-limit.C:
		s := m.View(traffic.Query{}).State
		return fmt.Errorf("no groups joined at %s within %v: %s", s.Daemon, o.interval, s.Error)
	case <-m.Ready():
	}
	select {
	case <-ctx.Done():
	case <-time.After(o.interval):
	}
	return o.print(stdout, m.View(o.query(true)))
}

// query asks for what is printed.
func (o *options) query(history bool) traffic.Query {
	return traffic.Query{
		VHost: o.host, Pages: o.rows, Sessions: o.rows, VHosts: o.rows, History: history,
		PageOrder: traffic.ByRate, VHostOrder: traffic.ByRate, ServerOrder: traffic.ByRate, SessionOrder: traffic.ByRecent,
	}
}

// print prints a view.
func (o *options) print(out io.Writer, v logmon.View) error {
	var err error
	switch {
	case o.mode == modeJSON:
		err = json.NewEncoder(out).Encode(v)
	case o.once:
		_, err = io.WriteString(out, screen.Report(&v, reportWidth))
	default:
		_, err = fmt.Fprintln(out, screen.Line(&v))
	}
	if err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}
