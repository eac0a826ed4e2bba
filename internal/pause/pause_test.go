package pause_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/pause"
)

func TestFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			d, ends, want time.Duration
			err           error
		}{
			{time.Minute, time.Hour, time.Minute, nil},
			{time.Hour, time.Minute, time.Minute, context.DeadlineExceeded},
			{0, time.Minute, 0, nil},
			{-time.Second, time.Minute, 0, nil},
			{-time.Second, -time.Second, 0, context.DeadlineExceeded},
		} {
			ctx, stop := context.WithTimeout(t.Context(), tt.ends)
			start := time.Now()
			err := pause.For(ctx, tt.d)
			if took := time.Since(start); took != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("%v of %v: %v, %v; want %v, %v", tt.d, tt.ends, took, err, tt.want, tt.err)
			}
			stop()
		}
	})
}
