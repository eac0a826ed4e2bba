package logsub

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink"
)

// item is one message, or one line of an envelope, on its way from a receiver to a writer.
type item struct {
	to      *target // where it goes
	sender  string  // see [spread.Message]
	payload []byte  // empty for an item that says which lines of a stream exist
	stream  *origin // of a line that came in an envelope; nil otherwise
	seq     uint64  // its number in the stream, or the one behind the last line that exists
	cut     *cut    // not a message: what to do between two; nil otherwise
}

// exists reports whether an item is no line, but says which lines of a stream exist.
func (it *item) exists() bool { return it.stream != nil && len(it.payload) == 0 }

// writer is the goroutine of a sink. It takes what receivers have put into its list, applies the
// routes, and puts the lines into the sink. So a sink that is slow fills its own list, and no
// other.
type writer struct {
	s       *Subscriber
	name    string // of the sink
	label   string // the same for metrics, without secrets
	sink    sink.Sink
	asked   fsutil.Latest[SinkStats]
	queued  *sink.Queued // the sink, if it has a queue; nil for files
	queue   *queue.List[item]
	reopen  chan struct{} // requested
	batches [][]item      // being written
	line    sink.Line     // being written
	touched []*route      // by the items
	again   *healing      // to be done when the list is empty

	// taken is how many items were ever taken from the list, flushed how many of these the sink had when it was flushed, and
	// written how many are written, as far as Config.SyncInterval says so.
	taken, flushed uint64
	written        atomic.Uint64
	mark           uint64      // of the sink's queue: once it is settled, flushed are written
	waiting        bool        // for that
	unsettled      uint64      // mark at the last tick, if it was waiting
	delivered      int64       // by the sink up to the last tick
	pressed        time.Time   // since when the sink has no room or accepts nothing; zero if it does
	refusing       atomic.Bool // since the last tick
	stuck          atomic.Bool // for longer than Config.Patience

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

// put adds items, and counts those for which there is no room. Once the writer has written as many as until, it has
// written these. next is for further ones: see [queue.List.Put].
func (w *writer) put(items []item) (until uint64, next []item) {
	dropped, until, next := w.queue.Put(items)
	if len(dropped) == 0 {
		return until, next
	}
	size := int64(0)
	for i := range dropped {
		it := &dropped[i]
		size += int64(len(it.payload))
		for _, r := range it.to.routes {
			w.refuse(it, r)
		}
	}
	w.s.drop(dropQueue, len(dropped))
	w.dropped.Add(int64(len(dropped)))
	w.s.count.droppedBytes[dropQueue].Add(size)
	w.droppedBytes.Add(size)
	return until, next
}

// refuse notes that a route has no room for a line. The publisher keeps it, unless the sink had none for so long that the line counts
// as written: otherwise the sink would hold up other logs of the group for ever.
func (w *writer) refuse(it *item, r *route) {
	if w.refusing.Store(true); !w.stuck.Load() {
		it.refused(r)
	}
}

// checkStuck notices once a second whether a sink has accepted nothing for longer than Config.Patience while lines waited for it. One
// that is slow but goes on is not stuck: publishers keep what it has no room for.
func (w *writer) checkStuck(now time.Time) {
	if w.queued == nil || w.s.cfg.Patience < 0 {
		return
	}
	unsettled := w.waiting && w.mark == w.unsettled && !w.queued.Settled(w.mark, false)
	w.unsettled = 0
	if w.waiting {
		w.unsettled = w.mark
	}
	delivered := w.queued.Delivered()
	goesOn := delivered != w.delivered
	w.delivered = delivered
	switch pressed := w.refusing.Swap(false) || unsettled; {
	case goesOn:
		w.pressed = time.Time{}
	case pressed:
		if w.pressed.IsZero() {
			w.pressed = now
		}
	case !w.pressed.IsZero() && !w.queued.NearlyFull():
		w.pressed = time.Time{}
	}
	stuck := !w.pressed.IsZero() && now.Sub(w.pressed) >= w.s.cfg.Patience
	if w.stuck.Swap(stuck) == stuck {
		return
	}
	log := w.s.cfg.Log.With(slog.String("sink", w.name))
	if stuck {
		log.Warn("sink has no room; publishers no longer keep lines for it, and what it has no room for is lost",
			slog.Duration("after", w.s.cfg.Patience))
		return
	}
	log.Warn("sink has room again; publishers keep lines until it has them")
}

// refused notes that a route has no room for a line.
func (it *item) refused(r *route) {
	switch {
	case it.stream == nil || it.exists():
	case it.stream.unnamed:
		it.stream.refused.Store(true)
	default:
		it.stream.acks.refuse(&it.stream.from, it.seq, r)
	}
}

// putCut adds a cut behind the items. If there is no room, it returns false, and nothing is healed
// there.
func (w *writer) putCut(c *cut) bool {
	dropped, _, _ := w.queue.Put([]item{{cut: c}})
	if len(dropped) > 0 && c.heal != nil {
		w.s.healer.fail(failQueue)
		c.heal.cancel()
	}
	return len(dropped) == 0
}

// reach does what a cut says.
func (w *writer) reach(c *cut) {
	w.sink.Flush()
	if c.heal != nil {
		before := w.dropped.Load()
		if c.heal.run(); w.dropped.Load() > before && c.heal.ctx.Err() == nil {
			w.again = c.heal.again()
		}
		c.heal.cancel()
	}
	if c.group != "" {
		w.s.healer.pass(c)
	}
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
	flush, settle := time.NewTimer(0), time.NewTimer(0)
	defer flush.Stop()
	defer settle.Stop()
	flushing := false // the timer runs
	for {
		select {
		case <-w.queue.Wake():
			w.writeAll()
			if w.s.cfg.FlushDelay <= 0 {
				w.flush(settle)
			} else if !flushing {
				flush.Reset(w.s.cfg.FlushDelay)
				flushing = true
			}
		case <-flush.C:
			flushing = false
			w.flush(settle)
		case now := <-retry:
			w.sink.Tick(now)
			w.checkRoutes()
			w.checkStuck(now)
			if w.queued == nil && w.s.healer != nil {
				w.s.healer.tend()
			}
		case <-settle.C:
			w.settle(settle)
		case <-fsync:
			w.flush(settle)
			if w.sink.Sync() == nil && w.queued == nil {
				w.wrote(w.flushed)
			}
		case <-w.reopen:
			w.writeAll()
			w.sink.Reopen()
			w.checkRoutes()
		case <-done:
			w.writeAll()
			w.flush(settle)
			err := w.sink.Close()
			if err == nil {
				w.wrote(w.taken)
			}
			return err
		}
	}
}

// settleInterval is how often the queue of a sink is asked whether its lines are safe.
const settleInterval = 10 * time.Millisecond

// flush flushes the sink. What it had is then written, or will be after the next sync, or once it is safe in the sink's queue.
func (w *writer) flush(settle *time.Timer) {
	w.sink.Flush()
	w.checkRoutes()
	switch {
	case w.queued != nil:
		if !w.waiting {
			w.waiting, w.mark, w.flushed = true, w.queued.Mark(), w.taken
			w.settle(settle)
		}
	case w.s.cfg.SyncInterval > 0:
		w.flushed = w.taken
	default:
		w.wrote(w.taken)
	}
}

// settle looks whether lines are safe in the sink's queue, and comes again until all are.
func (w *writer) settle(again *time.Timer) {
	if !w.waiting {
		return
	}
	if w.queued.Settled(w.mark, w.s.cfg.SyncInterval != 0) || w.stuck.Load() {
		w.wrote(w.flushed)
		w.mark, w.flushed, w.waiting = w.queued.Mark(), w.taken, w.flushed < w.taken
	}
	if w.waiting {
		again.Reset(settleInterval)
	}
}

// wrote notes that so many items are written.
func (w *writer) wrote(n uint64) {
	if w.written.Swap(n) != n {
		w.s.wakeAcks()
	}
}

// checkRoutes notes which logs have a file that cannot be written.
func (w *writer) checkRoutes() {
	if w.queued != nil {
		return
	}
	changed := false
	for _, r := range w.s.routes {
		if r.file != nil && r.failing.Load() != r.file.Failing() {
			r.failing.Store(r.file.Failing())
			changed = true
		}
	}
	if h := w.s.healer; changed && h != nil && h.behind.IsZero() {
		h.behind = time.Now()
	}
	if changed {
		w.s.wakeAcks()
	}
}

// writeAll writes all items that are available.
func (w *writer) writeAll() {
	for {
		w.batches = w.queue.Take(w.batches)
		if len(w.batches) == 0 {
			x := w.again
			if w.again = nil; x == nil {
				return
			}
			w.reach(&cut{heal: x}) // there was no room for all lines that came meanwhile
		}
		now := w.s.cfg.Now()
		w.line.Received = now
		for _, items := range w.batches {
			w.taken += uint64(len(items))
			for i := range items {
				w.write(&items[i], now)
			}
		}
		w.countBatch(now)
	}
}

// write does what an item says.
func (w *writer) write(it *item, now time.Time) {
	if it.cut != nil {
		w.reach(it.cut)
		return
	}
	for _, r := range it.to.routes {
		switch {
		case it.exists():
			r.exist(it, now)
		case !r.write(w, it, now):
			w.refuse(it, r)
		}
	}
}
