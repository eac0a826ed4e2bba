package logsub

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink"
)

// DaemonStats are the counters of one connection.
type DaemonStats struct {
	Address   string
	Connects  int64 // sessions opened
	Failures  int64 // attempts to open one, and sessions that ended before all groups were joined
	Connected bool
	Groups    int // to be joined
	Joined    int // of these, in this session
	Messages  int64
	Bytes     int64 // of their payloads
	// Last is when the latest message came, as far as batches of messages tell; zero if none has.
	Last time.Time
}

// LogStats are the counters of one [Log].
type LogStats struct {
	Group string
	File  string // as the Log has it, or of a command its name
	Lines int64  // that went on to the file or command
	Bytes int64  // of these, as they are written
	// NoMatch, Filtered and NotInSample are lines that were left out on purpose.
	NoMatch, Filtered, NotInSample int64
	// Newest is the time that the line written last bears, in seconds, and Delay how long before it
	// was written that was; both are zero if no line had a time that could be read.
	Newest time.Time
	Delay  time.Duration
}

// SinkStats are the counters of a sink: all files together, or a command or the like.
type SinkStats struct {
	Name string // "files", or "|" and the first word of a command
	// QueueLines and QueueBytes are what waits for the sink, of QueueLimit bytes; each line is
	// counted with 128 bytes more than it has.
	QueueLines             int
	QueueBytes, QueueLimit int64
	QueueDropped           int64 // lines for which there was no room in the queue
	QueueDroppedBytes      int64

	sink.Stats // the sum of its files'; what is dropped there was lost behind the queue

	OpenFiles int // that have a descriptor
	Failing   int // files that cannot be written
	Evictions int64
	Cuts      int64 // files that became too large

	Backlog *queue.Stats // what waits behind the queue; nil for files
}

// connCount counts for a connection.
type connCount struct {
	connects, failures, messages, bytes, last, joined atomic.Int64

	connected atomic.Bool
}

// stats returns the counters of a connection.
func (r *receiver) stats() DaemonStats {
	c := &r.count
	st := DaemonStats{
		Address: r.address, Connects: c.connects.Load(), Failures: c.failures.Load(), Connected: c.connected.Load(),
		Groups: len(r.groups), Joined: int(c.joined.Load()), Messages: c.messages.Load(), Bytes: c.bytes.Load(),
	}
	if last := c.last.Load(); last != 0 {
		st.Last = time.Unix(0, last)
	}
	return st
}

// countReceived counts what has come since the last time.
func (r *receiver) countReceived() {
	if r.messages == 0 {
		return
	}
	for _, n := range []struct {
		to   *atomic.Int64
		more int64
	}{
		{&r.s.count.messages, r.messages}, {&r.s.count.bytes, r.bytes}, {&r.count.messages, r.messages}, {&r.count.bytes, r.bytes},
	} {
		n.to.Add(n.more)
	}
	r.count.last.Store(r.now.UnixNano())
	r.messages, r.bytes = 0, 0
}

// routeCount counts for a route. The writer adds to batch, and at the end of a batch of lines that to the rest, which
// is for all.
type routeCount struct {
	batch struct {
		lines, bytes, noMatch, filtered, notInSample int64

		last    []byte // the line written last
		touched bool
	}
	lines, bytes, noMatch, filtered, notInSample atomic.Int64

	newest, delay atomic.Int64 // in seconds; newest is 0 if it is not known
}

// stats returns the counters of a route.
func (r *route) stats() LogStats {
	c := &r.count
	st := LogStats{
		Group: r.group, File: r.name,
		Lines: c.lines.Load(), Bytes: c.bytes.Load(),
		NoMatch: c.noMatch.Load(), Filtered: c.filtered.Load(), NotInSample: c.notInSample.Load(),
	}
	if newest := c.newest.Load(); newest != 0 {
		st.Newest, st.Delay = time.Unix(newest, 0), time.Duration(c.delay.Load())*time.Second
	}
	return st
}

// touch notes that a route has something to count at the end of the batch.
func (w *writer) touch(r *route) {
	if !r.count.batch.touched {
		r.count.batch.touched = true
		w.touched = append(w.touched, r)
	}
}

// countBatch counts what the routes have done in a batch.
func (w *writer) countBatch(now time.Time) {
	for _, r := range w.touched {
		c := &r.count
		b := &c.batch
		if b.last != nil {
			if second, ok := lineTime(b.last); ok {
				c.newest.Store(second)
				c.delay.Store(max(0, now.Unix()-second))
			}
		}
		c.lines.Add(b.lines)
		c.bytes.Add(b.bytes)
		for _, left := range []struct {
			why dropReason
			to  *atomic.Int64
			n   int64
		}{
			{dropNoMatch, &c.noMatch, b.noMatch}, {dropFiltered, &c.filtered, b.filtered}, {dropSample, &c.notInSample, b.notInSample},
		} {
			if left.n > 0 {
				left.to.Add(left.n)
				w.s.drop(left.why, int(left.n))
			}
		}
		b.lines, b.bytes, b.noMatch, b.filtered, b.notInSample, b.last, b.touched = 0, 0, 0, 0, 0, nil, false
	}
	w.touched = w.touched[:0]
}

// stats returns the counters of a sink.
func (w *writer) stats() SinkStats {
	st := SinkStats{
		Name: w.label, QueueLimit: int64(w.queue.Limit()), QueueDropped: w.dropped.Load(), QueueDroppedBytes: w.droppedBytes.Load(),
	}
	items, bytes := w.queue.Waiting()
	st.QueueLines, st.QueueBytes = items, int64(bytes)
	if w.lane != nil {
		b := w.lane.queue.Stats()
		st.Stats, st.Backlog = w.lane.sink.Stats(), &b
		if w.lane.away.Load() {
			st.Failing = 1
		}
		return st
	}
	fs := w.files
	st.Failing, st.Evictions, st.Cuts = int(fs.failing.Load()), fs.evictions.Load(), fs.cuts.Load()
	fs.mu.Lock()
	defer fs.mu.Unlock()
	st.Stats = fs.gone
	for _, f := range fs.all {
		st.Add(f.Stats())
		if f.fixed {
			st.OpenFiles++
		}
	}
	st.OpenFiles += int(fs.places.Load())
	return st
}

// sinkLabel names a sink for counters. Of a command it is the first word, since what follows may be secret; if there are
// several of one name, they get numbers.
func (s *Subscriber) sinkLabel(name string) string {
	if text, command := strings.CutPrefix(name, "|"); command {
		name = "|"
		if words := strings.Fields(text); len(words) > 0 {
			name += words[0]
		}
	}
	unique := name
	for i := 2; slices.ContainsFunc(s.writers, func(w *writer) bool { return w.label == unique }); i++ {
		unique = fmt.Sprintf("%s#%d", name, i)
	}
	return unique
}
