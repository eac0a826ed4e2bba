package webtest

import (
	"log/slog"
	"testing"

	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/daemon/metrics"
	"github.com/spreadd/spreadd/daemon/monitor"
	"github.com/spreadd/spreadd/daemon/web"
	"github.com/spreadd/spreadd/internal/prom/promtest"
)

// Serve serves the state of a daemon until the test ends. change, if not nil, changes what is served.
func Serve(t testing.TB, d *localring.Daemon, change func(*web.Config)) (url string) {
	t.Helper()
	cfg := web.Config{
		Source: d.Daemon, Metrics: metrics.New(d.Daemon, d.Config.Engine.Self), Log: slog.New(slog.DiscardHandler),
		Monitor: func() monitor.Config {
			top, hash := d.Configuration()
			return monitor.FromTopology(top, hash, d.Config.Engine.Self, d.Config.Ring.Addr)
		},
	}
	if change != nil {
		change(&cfg)
	}
	server := cfg.Server()
	return promtest.ServeConfig(t, &server)
}
