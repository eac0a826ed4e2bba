package queue

import "sync"

// itemCost is what an item counts for besides its payload: its own memory and its share of what it was
// read into.
const itemCost = 128

// List holds in memory what one goroutine has received and another has not yet taken. It is bounded
// in bytes. When it is full, the newest items are dropped.
type List[T any] struct {
	limit   int
	payload func(*T) int
	wake    chan struct{}

	mu    sync.Mutex
	items []T
	bytes int
	puts  uint64 // items ever put, without dropped ones
}

// NewList returns an empty list. payload returns the bytes of an item's payload; each item counts for these and
// a fixed overhead of 128 bytes.
func NewList[T any](limitBytes int, payload func(*T) int) *List[T] {
	return &List[T]{limit: limitBytes, payload: payload, wake: make(chan struct{}, 1)}
}

// Put appends items and returns how many were dropped. Those are the last ones. puts is how many items were ever put, including
// these and without dropped ones: who has taken so many has taken these.
func (l *List[T]) Put(items []T) (dropped int, puts uint64) {
	l.mu.Lock()
	kept := 0
	for i := range items {
		cost := l.payload(&items[i]) + itemCost
		// One item always fits. Otherwise a limit below a message's size would let nothing pass.
		if l.bytes > 0 && l.bytes+cost > l.limit {
			break
		}
		l.bytes += cost
		kept++
	}
	l.items = append(l.items, items[:kept]...)
	l.puts += uint64(kept)
	puts = l.puts
	l.mu.Unlock()
	signal(l.wake)
	return len(items) - kept, puts
}

// Wake returns a channel that has a value after a Put.
func (l *List[T]) Wake() <-chan struct{} { return l.wake }

// Take returns all items. The list reuses the memory of done, which an earlier call returned.
func (l *List[T]) Take(done []T) []T {
	clear(done)
	l.mu.Lock()
	defer l.mu.Unlock()
	items := l.items
	l.items, l.bytes = done[:0], 0
	return items
}

// Waiting returns the number of items in the list, and the bytes for which they count.
func (l *List[T]) Waiting() (items, bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.items), l.bytes
}

// Limit returns the bound in bytes.
func (l *List[T]) Limit() int { return l.limit }
