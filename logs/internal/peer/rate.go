package peer

import (
	"context"
	"sync"
	"time"

	"github.com/spreadd/spreadd/internal/pause"
)

// rate limits bytes per second, of all connections together.
type rate struct {
	perSecond int64

	mu   sync.Mutex
	free time.Time // when the bytes that were granted are sent
}

// wait returns when n more bytes may be sent, or when ctx ends.
func (r *rate) wait(ctx context.Context, n int) error {
	if r.perSecond <= 0 {
		return ctx.Err()
	}
	r.mu.Lock()
	now := time.Now()
	if r.free.Before(now) {
		r.free = now
	}
	rest := r.free.Sub(now)
	r.free = r.free.Add(time.Duration(float64(n) / float64(r.perSecond) * float64(time.Second)))
	r.mu.Unlock()
	return pause.For(ctx, rest)
}
