package logsub

import (
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/queue"
)

// writer takes what comes for one sink there, in a goroutine of its own: all files
// together are a sink, and so is each command and each table of a database, which have a lane. A sink that is slow
// or stands still fills its queues, and no other.
type writer struct {
	s       *Subscriber
	name    string // of the sink
	label   string // the same for counters
	queue   *queue.List[item]
	files   *files
	lane    *lane // nil for files
	reopen  chan struct{}
	items   []item   // that are being written
	touched []*route // by them

	dropped, droppedBytes atomic.Int64
}

// item is one message on its way to the writer.
type item struct {
	routes  []*route // where it goes
	sender  string   // as of [spread.Message]
	payload []byte
	stream  *stream // of a line that had an envelope, else nil
	seq     uint64  // its number
}

func newList(limitBytes int) *queue.List[item] {
	return queue.NewList(limitBytes, func(it *item) int { return len(it.payload) })
}

func newWriter(s *Subscriber, name string) *writer {
	return &writer{s: s, name: name, label: s.sinkLabel(name), queue: newList(s.cfg.QueueBytes), files: newFiles(&s.cfg), reopen: make(chan struct{}, 1)}
}

// put hands items on, and counts those for which there is no room.
func (w *writer) put(items []item) {
	if n := w.queue.Put(items); n > 0 {
		w.s.drop(dropQueue, n)
		w.dropped.Add(int64(n))
		size := int64(0)
		for _, it := range items[len(items)-n:] {
			size += int64(len(it.payload))
		}
		w.s.count.droppedBytes[dropQueue].Add(size)
		w.droppedBytes.Add(size)
	}
}

// askReopen asks for all files to be opened anew.
func (w *writer) askReopen() {
	select {
	case w.reopen <- struct{}{}:
	default: // it has been asked for
	}
}

// retryInterval is how often files that could not be written are tried again
// when nothing else happens.
const retryInterval = time.Second

// ticker returns the channel of a ticker, and how to stop it; a channel that is
// silent if the interval is not above zero.
func ticker(interval time.Duration) (tick <-chan time.Time, stop func()) {
	if interval <= 0 {
		return nil, func() {}
	}
	t := time.NewTicker(interval)
	return t.C, t.Stop
}

// run writes what there is until done is closed and nothing is left, and closes
// the files.
func (w *writer) run(done <-chan struct{}) error {
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
				w.files.flush()
			} else if !flushing {
				flush.Reset(w.s.cfg.FlushDelay)
				flushing = true
			}
		case <-flush.C:
			flushing = false
			w.files.flush()
		case now := <-retry:
			w.files.retry()
			w.files.closeIdle(now)
		case <-fsync:
			w.files.sync()
		case <-w.reopen:
			w.writeAll()
			w.files.reopen()
			if w.lane != nil {
				w.lane.askReopen()
			}
		case <-done:
			w.writeAll()
			if w.lane != nil {
				w.lane.finish()
			}
			return w.files.close()
		}
	}
}

// writeAll takes what has come to the files.
func (w *writer) writeAll() {
	for {
		w.items = w.queue.Take(w.items)
		if len(w.items) == 0 {
			return
		}
		now := w.s.cfg.Now()
		w.files.now = now
		for i := range w.items {
			it := &w.items[i]
			for _, r := range it.routes {
				r.write(w, it, now)
			}
		}
		w.countBatch(now)
	}
}
