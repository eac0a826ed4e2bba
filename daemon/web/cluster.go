package web

import (
	"context"
	"sync"
	"time"

	"github.com/spreadd/spreadd/daemon/monitor"
	"github.com/spreadd/spreadd/daemon/status"
)

const (
	// clusterAge is for how long the answers of all daemons are used again, so that the number of
	// viewers does not matter to the ring.
	clusterAge = time.Second
	// patience is how long answers are waited for.
	patience = 800 * time.Millisecond
)

// cluster asks all daemons.
type cluster struct {
	ask func() monitor.Config

	mu   sync.Mutex
	last *status.Cluster
}

// all returns the state of all daemons, and remembers how long each took to answer.
func (s *server) all(ctx context.Context) (*status.Cluster, error) {
	c := &s.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil && time.Since(c.last.Time) < clusterAge {
		return c.last, nil
	}
	cfg := c.ask()
	all, err := monitor.Collect(ctx, cfg, patience)
	if err != nil {
		return nil, err
	}
	all.From = cfg.Name()
	s.source.NoteRoundTrips(monitor.RoundTrips(all, all.From))
	c.last = all
	return all, nil
}
