package queue

import (
	"slices"
	"sync"
)

// itemCost is what an item counts for besides its payload: its own memory and its share of what it was
// read into.
const itemCost = 128

const (
	// maxSpareItems is for how many items a list keeps memory that it does not need at the moment.
	maxSpareItems = 32768
	// minBatch is for how many items a new batch has memory.
	minBatch = 64
)

// List holds in memory what one goroutine has received and another has not yet taken. It is bounded
// in bytes. When it is full, the newest items are dropped. Items are not copied: they stay in the
// slices in which they came, which are used again.
type List[T any] struct {
	limit   int
	payload func(*T) int
	wake    chan struct{}

	mu      sync.Mutex
	batches [][]T
	items   int
	bytes   int
	puts    uint64 // items ever put, without dropped ones
	spare   [][]T  // empty
	spared  int    // for how many items that is
}

// NewList returns an empty list. payload returns the bytes of an item's payload; each item counts for these and
// a fixed overhead of 128 bytes.
func NewList[T any](limitBytes int, payload func(*T) int) *List[T] {
	return &List[T]{limit: limitBytes, payload: payload, wake: make(chan struct{}, 1)}
}

// Put appends items and returns those that were dropped, the last ones. puts is how many items were ever put, including
// these and without dropped ones: who has taken so many has taken these. The slice of items belongs to the list from now on;
// next is an empty one for further items.
func (l *List[T]) Put(items []T) (dropped []T, puts uint64, next []T) {
	cost := 0
	for i := range items {
		cost += l.cost(&items[i])
	}
	l.mu.Lock()
	if l.bytes+cost > l.limit {
		var kept int
		kept, cost = l.fit(items)
		dropped = slices.Clone(items[kept:])
		clear(items[kept:])
		items = items[:kept]
	}
	l.items += len(items)
	l.bytes += cost
	l.puts += uint64(len(items))
	puts = l.puts
	last, spare := len(l.batches)-1, len(l.spare)-1
	switch {
	case last >= 0 && cap(l.batches[last])-len(l.batches[last]) >= len(items): // so that single items do not hold a batch each
		l.batches[last] = append(l.batches[last], items...)
		clear(items)
		next = items[:0]
	case spare >= 0:
		l.batches = append(l.batches, items)
		next, l.spare[spare] = l.spare[spare], nil
		l.spare = l.spare[:spare]
		l.spared -= cap(next)
	default:
		l.batches = append(l.batches, items)
		next = make([]T, 0, max(cap(items), minBatch))
	}
	l.mu.Unlock()
	signal(l.wake)
	return dropped, puts, next
}

// cost is what an item counts for.
func (l *List[T]) cost(item *T) int { return l.payload(item) + itemCost }

// fit returns how many of the items there is room for, and what these count for. It needs l.mu.
func (l *List[T]) fit(items []T) (kept, bytes int) {
	for i := range items {
		cost := l.cost(&items[i])
		// One item always fits. Otherwise a limit below a message's size would let nothing pass.
		if l.bytes+bytes > 0 && l.bytes+bytes+cost > l.limit {
			break
		}
		bytes += cost
		kept++
	}
	return kept, bytes
}

// Wake returns a channel that has a value after a Put.
func (l *List[T]) Wake() <-chan struct{} { return l.wake }

// Take returns all items, in batches. The list reuses the memory of done, which an earlier call returned.
func (l *List[T]) Take(done [][]T) [][]T {
	for _, b := range done {
		clear(b)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range done {
		if l.spared+cap(b) <= maxSpareItems {
			l.spare = append(l.spare, b[:0])
			l.spared += cap(b)
		}
	}
	clear(done)
	batches := l.batches
	l.batches, l.items, l.bytes = done[:0], 0, 0
	return batches
}

// Waiting returns the number of items in the list, and the bytes for which they count.
func (l *List[T]) Waiting() (items, bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.items, l.bytes
}

// Limit returns the bound in bytes.
func (l *List[T]) Limit() int { return l.limit }
