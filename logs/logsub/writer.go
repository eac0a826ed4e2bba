package logsub

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink"
)

// item is one message, or one line of an envelope, on its way from a receiver to a writer.
type item struct {
	routes  []*route // where it goes
	sender  string   // see [spread.Message]
	payload []byte
	stream  *origin // of a line that came in an envelope; nil otherwise
	seq     uint64  // its number in the stream
	exists  uint64  // not a line, but the number behind the last line that exists in the stream
}

// writer is the goroutine of a sink. It takes what receivers have put into its list, applies the
// routes, and puts the lines into the sink. So a sink that is slow fills its own list, and no
// other.
type writer struct {
	s       *Subscriber
	name    string // of the sink
	label   string // the same for metrics, without secrets
	sink    sink.Sink
	queued  *sink.Queued // the sink, if it has a queue; nil for files
	queue   *queue.List[item]
	reopen  chan struct{} // requested
	items   []item        // being written
	line    sink.Line     // being written
	touched []*route      // by the items

	dropped, droppedBytes atomic.Int64
}

// newWriter adds the writer of a sink.
func (s *Subscriber) newWriter(name string, to sink.Sink) *writer {
	w := &writer{
		s: s, name: name, label: s.sinkLabel(name), sink: to, reopen: make(chan struct{}, 1),
		queue: queue.NewList(s.cfg.QueueBytes, func(it *item) int { return len(it.payload) }),
	}
	w.queued, _ = to.(*sink.Queued)
	s.writers = append(s.writers, w)
	return w
}

// put adds items, and counts those for which there is no room.
func (w *writer) put(items []item) {
	n := w.queue.Put(items)
	if n == 0 {
		return
	}
	w.s.drop(dropQueue, n)
	w.dropped.Add(int64(n))
	size := int64(0)
	for _, it := range items[len(items)-n:] {
		size += int64(len(it.payload))
	}
	w.s.count.droppedBytes[dropQueue].Add(size)
	w.droppedBytes.Add(size)
}

// requestReopen has the sink reopened.
func (w *writer) requestReopen() {
	select {
	case w.reopen <- struct{}{}:
	default: // already requested
	}
}

// retryInterval is how often a sink retries what failed.
const retryInterval = time.Second

// ticker returns the channel of a ticker and how to stop it. If the interval is not positive, the
// channel never delivers.
func ticker(interval time.Duration) (tick <-chan time.Time, stop func()) {
	if interval <= 0 {
		return nil, func() {}
	}
	t := time.NewTicker(interval)
	return t.C, t.Stop
}

// run writes until done is closed and nothing is left, and closes the sink.
func (w *writer) run(ctx context.Context, done <-chan struct{}) error {
	w.sink.Start(ctx)
	retry, stopRetry := ticker(retryInterval)
	defer stopRetry()
	fsync, stopSync := ticker(w.s.cfg.SyncInterval)
	defer stopSync()
	flush := time.NewTimer(0)
	defer flush.Stop()
	flushing := false // the timer runs
	for {
		select {
		case <-w.queue.Wake():
			w.writeAll()
			if w.s.cfg.FlushDelay <= 0 {
				w.sink.Flush()
			} else if !flushing {
				flush.Reset(w.s.cfg.FlushDelay)
				flushing = true
			}
		case <-flush.C:
			flushing = false
			w.sink.Flush()
		case now := <-retry:
			w.sink.Tick(now)
		case <-fsync:
			w.sink.Sync()
		case <-w.reopen:
			w.writeAll()
			w.sink.Reopen()
		case <-done:
			w.writeAll()
			return w.sink.Close()
		}
	}
}

// writeAll writes all items that are available.
func (w *writer) writeAll() {
	for {
		w.items = w.queue.Take(w.items)
		if len(w.items) == 0 {
			return
		}
		now := w.s.cfg.Now()
		w.line.Received = now
		for i := range w.items {
			it := &w.items[i]
			for _, r := range it.routes {
				if it.exists > 0 {
					r.exist(it, now)
					continue
				}
				r.write(w, it, now)
			}
		}
		w.countBatch(now)
	}
}
