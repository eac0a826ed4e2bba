package prom

import (
	"context"
	"testing"
)

// TestWithin: an answer counts, also if it is there by the time that its context has ended.
func TestWithin(t *testing.T) {
	running := make(chan struct{}, 1000)
	for range 1000 {
		v, err := within(t.Context(), running, func(context.Context) (int, error) { return 1, nil })
		if v != 1 || err != nil {
			t.Fatalf("%d, %v", v, err)
		}
	}
}
