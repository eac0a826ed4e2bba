package prom

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const retryInterval = time.Second

// Keep is [Listen] and [Server.Start] for a program that must run even if they fail. When the
// address cannot be bound, Keep logs that and retries until it succeeds or end is called. After a
// graceful restart of a web server, the new process gets the address when the old one has ended.
func Keep(ctx context.Context, addr string, cfg Config) (end func()) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	s, err := Listen(ctx, addr, cfg)
	if err == nil {
		done := s.Start()
		return func() { stop(); done() }
	}
	cfg.Log.Error("cannot serve metrics; will keep retrying", slog.Any("error", err))
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
