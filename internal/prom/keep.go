package prom

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// retryInterval is how often an address that cannot be bound is tried again.
const retryInterval = time.Second

// Keep is [Listen] and [Server.Start] for a program whose work must not depend on them: if the address cannot be
// bound, that is logged, and it is tried again until it can be or end is called. A program that follows another one
// before that has ended, as after a graceful restart of a web server, gets its address that way.
func Keep(ctx context.Context, addr string, cfg Config) (end func()) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	s, err := Listen(ctx, addr, cfg)
	if err == nil {
		done := s.Start()
		return func() { stop(); done() }
	}
	cfg.Log.Error("no metrics are served yet, trying on", slog.Any("error", err))
	var trying sync.WaitGroup
	trying.Go(func() {
		t := time.NewTicker(retryInterval)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
			if s, err := Listen(ctx, addr, cfg); err == nil {
				done := s.Start()
				<-ctx.Done()
				done()
				return
			}
		}
	})
	return func() { stop(); trying.Wait() }
}
