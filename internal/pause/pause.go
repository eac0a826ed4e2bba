package pause

import (
	"context"
	"time"
)

// For waits for d, not at all if that is not positive. If ctx ends first, or has ended, it returns the
// error of ctx.
func For(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
