package logmon

import (
	"sync"
	"time"
)

// item is a message that waits to be counted.
type item struct {
	at            time.Time
	group, sender string
	payload       []byte
}

// itemCost is what an item counts for beside its payload, in bytes.
const itemCost = 128

// queue is what the receiver has received and the counter has not counted.
type queue struct {
	limit int
	wake  chan struct{} // has an element when there is something new

	mu    sync.Mutex
	items []item
	bytes int
}

func newQueue(limit int) *queue { return &queue{limit: limit, wake: make(chan struct{}, 1)} }

// put appends items as far as there is room, and returns how many it dropped.
func (q *queue) put(items []item) (dropped int) {
	q.mu.Lock()
	for i := range items {
		n := itemCost + len(items[i].payload)
		if q.bytes+n > q.limit && len(q.items) > 0 {
			dropped++
			continue
		}
		q.bytes += n
		q.items = append(q.items, items[i])
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return dropped
}

// take returns all that waits, and takes an empty slice in exchange.
func (q *queue) take(empty []item) []item {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items, q.bytes = empty[:0], 0
	return items
}
