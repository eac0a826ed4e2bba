package logsub

import "sync"

// itemCost is what an item is counted for besides its payload: its own memory
// and its share of what it was read into.
const itemCost = 128

// item is one message on its way to the writer.
type item struct {
	routes  []*route // where it goes
	sender  string   // as of [spread.Message]
	payload []byte
	stream  *stream // of a line that had an envelope, else nil
	seq     uint64  // its number
}

// queue stands between the receivers and a writer. It is bounded in bytes.
type queue struct {
	limit int
	wake  chan struct{} // something has come

	mu    sync.Mutex
	items []item
	bytes int
}

func newQueue(limit int) *queue {
	return &queue{limit: limit, wake: make(chan struct{}, 1)}
}

// put appends items and returns how many there was no room for: the last ones.
func (q *queue) put(items []item) (dropped int) {
	q.mu.Lock()
	kept := 0
	for i := range items {
		cost := len(items[i].payload) + itemCost
		// One item always fits, or a limit below a message's size would
		// let nothing pass.
		if q.bytes > 0 && q.bytes+cost > q.limit {
			break
		}
		q.bytes += cost
		kept++
	}
	q.items = append(q.items, items[:kept]...)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default: // it has been told already
	}
	return len(items) - kept
}

// take returns all that has come; done is a list taken before, to be used
// again.
func (q *queue) take(done []item) []item {
	clear(done)
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items, q.bytes = done[:0], 0
	return items
}
