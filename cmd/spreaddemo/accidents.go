package main

import (
	"context"
	"fmt"
	"time"
)

// accidents kills a web host's daemon, a log host's daemon and a log host's logsub, one after the
// other while lines flow, and brings each back.
func (f *farm) accidents(ctx context.Context) error {
	web, _ := hosts()
	a, b := f.logHosts[0], f.logHosts[1]
	for i, accident := range []func(context.Context) error{
		func(ctx context.Context) error { return f.loseDaemon(ctx, web[len(web)-1]) },
		func(ctx context.Context) error {
			if err := f.loseDaemon(ctx, b.name); err != nil {
				return err
			}
			if err := b.awaitJoined(ctx); err != nil {
				return err
			}
			if err := f.tell(ctx, "the logsub of %s is back in its groups", b.name); err != nil {
				return err
			}
			return f.awaitEven(ctx, a, b)
		},
		func(ctx context.Context) error { return f.loseLogsub(ctx, a) },
	} {
		if err := f.awaitShare(ctx, (float64(i)+0.5)/4); err != nil {
			return err
		}
		if err := accident(ctx); err != nil {
			return err
		}
	}
	return nil
}

// loseDaemon kills a daemon, waits for the others to go on without it, and brings it back.
func (f *farm) loseDaemon(ctx context.Context, name string) error {
	if err := f.daemons[name].Stop(); err != nil {
		return err
	}
	killed := time.Now()
	if err := f.tell(ctx, "the daemon of %s is killed", name); err != nil {
		return err
	}
	if err := f.awaitRing(ctx); err != nil {
		return err
	}
	if err := f.tell(ctx, "the others go on after %v", time.Since(killed).Round(time.Millisecond)); err != nil {
		return err
	}
	started := time.Now()
	if err := f.startDaemon(ctx, name); err != nil {
		return err
	}
	if err := f.awaitRing(ctx); err != nil {
		return err
	}
	return f.tell(ctx, "the daemon of %s is back in the ring after %v", name, time.Since(started).Round(time.Millisecond))
}

// loseLogsub kills the logsub of a log host, and starts it again when lines have been sent without it.
func (f *farm) loseLogsub(ctx context.Context, h *logHost) error {
	h.kill()
	if err := f.tell(ctx, "the logsub of %s is killed (SIGKILL)", h.name); err != nil {
		return err
	}
	in, _, _ := f.count()
	if err := f.awaitShare(ctx, float64(in)/float64(f.total)+0.1); err != nil {
		return err
	}
	if err := h.start(); err != nil {
		return err
	}
	if err := h.awaitJoined(ctx); err != nil {
		return err
	}
	return f.tell(ctx, "the logsub of %s is back", h.name)
}

// evenTime bounds the wait for a log host that fetches what it missed.
const evenTime = 2 * time.Second

// awaitEven waits until one log host has as many lines as another one had, or for [evenTime].
func (f *farm) awaitEven(ctx context.Context, of, to *logHost) error {
	t := time.NewTicker(tick)
	defer t.Stop()
	for want, limit := of.lines(), time.Now().Add(evenTime); to.lines() < want && time.Now().Before(limit); {
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// awaitShare waits until the web servers have written a share of their lines.
func (f *farm) awaitShare(ctx context.Context, share float64) error {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		if in, _, _ := f.count(); float64(in) >= min(share, 1)*float64(f.total) {
			return nil
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tell shows an event.
func (f *farm) tell(ctx context.Context, format string, args ...any) error {
	select {
	case f.events <- fmt.Sprintf("%5.2f s   ", time.Since(f.began).Seconds()) + fmt.Sprintf(format, args...):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
