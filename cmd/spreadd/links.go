package main

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/monitor"
	"github.com/spreadd/spreadd/internal/pause"
)

const (
	// askInterval is the least time between two requests to the other daemons; up to a third of it is
	// added at random.
	askInterval = 15 * time.Second
	// askPatience is how long answers are waited for.
	askPatience = time.Second
)

// asker returns how a daemon asks the others, with the configuration in force.
func asker(d *daemon.Daemon, cfg *daemon.Config) func() monitor.Config {
	self, addr := cfg.Engine.Self, cfg.Ring.Addr
	return func() monitor.Config {
		top, hash := d.Configuration()
		m := monitor.FromTopology(top, hash, self, addr)
		m.Keys = d.RingKeys()
		return m
	}
}

// askAround asks all daemons how they are, as a monitor does, until ctx ends. In a ring in which nobody
// sends anything only the token moves, on a port of its own; so this is what shows that the port of
// messages is blocked, in which direction, and how long answers take.
func askAround(ctx context.Context, d *daemon.Daemon, ask func() monitor.Config) {
	for pause.For(ctx, askInterval+rand.N(askInterval/3)) == nil {
		cfg := ask()
		if len(cfg.Daemons) < 2 {
			continue
		}
		if all, err := monitor.Collect(ctx, cfg, askPatience); err == nil {
			d.NoteRoundTrips(monitor.RoundTrips(all, cfg.Name()))
		}
	}
}
