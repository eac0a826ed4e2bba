package sim

import (
	"context"
	"sync"
)

// Series runs n seeds from first on in several goroutines, or all seeds if n is 0, until the
// context ends. It passes each result to take, one at a time, in no particular order.
func Series(ctx context.Context, first, n uint64, workers int, take func(Result)) {
	var mu sync.Mutex
	next := first
	claim := func() (seed uint64, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() != nil || n > 0 && next-first >= n {
			return 0, false
		}
		next++
		return next - 1, true
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				seed, ok := claim()
				if !ok {
					return
				}
				r := Run(seed)
				mu.Lock()
				take(r)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}
