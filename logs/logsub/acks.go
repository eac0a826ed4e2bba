package logsub

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/pause"
	"github.com/spreadd/spreadd/logs/internal/logproto"
	"github.com/spreadd/spreadd/logs/internal/receipts"
	"github.com/spreadd/spreadd/spread"
)

// acks acknowledges the lines of one connection to their publishers, once its writers have written them
// (log-protocol §4.2). The receiver passes it what came, in batches; the writers say how far they are. Then its own goroutine
// acknowledges.
type acks struct {
	r    *receiver
	wake chan struct{} // a writer has written more

	batch []arrival // of the receiver: what came since the last handOn

	mu    sync.Mutex
	reg   *receipts.Register
	lanes []*lane
	free  []ticket  // settled, for their memory
	freed int       // arrivals that free has room for
	held  []arrival // lines that wait for a file that cannot be written
	// refused are lines for which a sink had no room, of batches that are not written yet; lacking are those that count as not
	// received.
	refused, lacking map[lostKey]*receipts.Set
	lacks            atomic.Int64 // length of lacking
}

// arrival is what came: consecutive lines of a stream in one batch, or an ask.
type arrival struct {
	from   string           // the private group of the publisher
	origin *envelope.Origin // of the lines; does not change
	sp     envelope.Span
	to     []target
	ask    *logproto.Ask
	as     *origin // a conflict is written as the only line of this stream; nil for others
}

// lane has the batches of lines that go to the same sinks with a queue: one that is away holds up no acknowledgment of lines that do
// not go to it. The first lane is that of lines for files only.
type lane struct {
	slow    []*writer
	batch   []arrival // being collected
	tickets []ticket
	waiting int // arrivals of tickets
}

// ticket is what came in a batch, and how far the writers have to be so that it is written.
type ticket struct {
	until []mark
	came  []arrival
}

// mark is a number of items that a writer has to write.
type mark struct {
	w *writer
	n uint64
}

// lostKey names the lines of a stream that a log could not take.
type lostKey struct {
	origin envelope.Origin
	log    *logState
}

// hostName returns the host's name, or "logsub" if a log host cannot have that name.
func hostName() string {
	name, err := os.Hostname()
	if err != nil || envelope.CheckPublisher(name) != nil {
		return "logsub"
	}
	return name
}

func newAcks(r *receiver) *acks {
	return &acks{
		lanes: []*lane{{}}, r: r, wake: make(chan struct{}, 1), reg: receipts.NewRegister(r.s.cfg.Host, r.s.instance),
		refused: make(map[lostKey]*receipts.Set), lacking: make(map[lostKey]*receipts.Set),
	}
}

// came notes lines of a stream for targets. at is where the last arrival of the stream is, which takes in those that
// follow it: streams take turns from line to line.
func (a *acks) came(from string, o *envelope.Origin, at *int, sp envelope.Span, to []target) {
	if *at < len(a.batch) {
		e := &a.batch[*at]
		if e.ask == nil && e.as == nil && (e.origin == o || *e.origin == *o) && e.sp.Last+1 == sp.First && e.from == from && sameTargets(e.to, to) {
			e.sp.Last = sp.Last
			return
		}
	}
	*at = len(a.batch)
	a.batch = append(a.batch, arrival{from: from, origin: o, sp: sp, to: to})
}

// cameAs notes a conflict, a line that is written with another name.
func (a *acks) cameAs(as *origin, from string, o *envelope.Origin, seq uint64, to []target) {
	a.batch = append(a.batch, arrival{from: from, origin: o, sp: envelope.Span{First: seq, Last: seq}, to: to, as: as})
}

func sameTargets(a, b []target) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// asked notes an ask.
func (a *acks) asked(from string, ask *logproto.Ask, to []target) {
	a.batch = append(a.batch, arrival{from: from, ask: ask, to: to})
}

// handOn notes that the batch is with the writers.
func (a *acks) handOn(until []mark) {
	if len(a.batch) == 0 {
		return
	}
	a.mu.Lock()
	if len(a.lanes) == 1 && !slices.ContainsFunc(until, func(m mark) bool { return m.w.queued != nil }) {
		a.batch = a.add(a.lanes[0], a.batch, until)
	} else {
		for i := range a.batch {
			l := a.lane(a.batch[i].to)
			l.batch = append(l.batch, a.batch[i])
		}
		clear(a.batch)
		for _, l := range a.lanes {
			if len(l.batch) > 0 {
				l.batch = a.add(l, l.batch, until)[:0]
			}
		}
	}
	a.mu.Unlock()
	a.batch = a.batch[:0]
	a.signal()
}

// add adds a batch to a lane, and returns memory for another. It needs a.mu.
func (a *acks) add(l *lane, batch []arrival, until []mark) (free []arrival) {
	if last := len(l.tickets) - 1; last >= 0 && l.waiting >= maxWaiting {
		l.tickets[last].wait(l, until)
		return nil
	}
	t := a.spare(len(batch))
	free, t.came = t.came, batch
	t.wait(l, until)
	l.tickets = append(l.tickets, t)
	l.waiting += len(batch)
	return free
}

// lane returns the lane of lines for targets. It needs a.mu.
func (a *acks) lane(to []target) *lane {
	for _, l := range a.lanes {
		n := 0
		for _, t := range to {
			switch {
			case t.w.queued == nil:
			case slices.Contains(l.slow, t.w):
				n++
			default:
				n = -1 - len(to)
			}
		}
		if n == len(l.slow) {
			return l
		}
	}
	l := &lane{}
	for _, t := range to {
		if t.w.queued != nil {
			l.slow = append(l.slow, t.w)
		}
	}
	a.lanes = append(a.lanes, l)
	return l
}

// maxFree is for how many arrivals the memory of settled tickets is kept.
const maxFree = 16384

// spare returns an empty ticket, with memory for n arrivals if none is free. It needs a.mu.
func (a *acks) spare(n int) (t ticket) {
	last := len(a.free) - 1
	if last < 0 {
		return ticket{came: make([]arrival, 0, n)}
	}
	t = a.free[last]
	a.free = a.free[:last]
	a.freed -= cap(t.came)
	return t
}

// release keeps the memory of a settled ticket. It needs a.mu.
func (a *acks) release(t ticket) {
	if cap(t.came) == 0 || a.freed+cap(t.came) > maxFree {
		return
	}
	a.freed += cap(t.came)
	clear(t.until)
	clear(t.came)
	a.free = append(a.free, ticket{t.until[:0], t.came[:0]})
}

// wait has a ticket of a lane wait until writers are at marks, too.
func (t *ticket) wait(l *lane, until []mark) {
	for _, m := range until {
		if m.w.queued != nil && !slices.Contains(l.slow, m.w) {
			continue
		}
		if i := slices.IndexFunc(t.until, func(o mark) bool { return o.w == m.w }); i >= 0 {
			t.until[i].n = max(t.until[i].n, m.n)
		} else {
			t.until = append(t.until, m)
		}
	}
}

func (a *acks) signal() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// refuse notes that a route could not take a line.
func (a *acks) refuse(o *envelope.Origin, seq uint64, r *route) {
	a.mu.Lock()
	defer a.mu.Unlock()
	addLost(a.refused, lostKey{*o, r.logState}, envelope.Span{First: seq, Last: seq})
}

func addLost(to map[lostKey]*receipts.Set, k lostKey, sp envelope.Span) {
	set := to[k]
	if set == nil {
		set = &receipts.Set{}
		to[k] = set
	}
	set.Add(sp)
}

// again returns the targets that could not take a line when it came before, which now get it; nil if all could.
func (a *acks) again(o *envelope.Origin, seq uint64, to []target) (list []target) {
	if a.lacks.Load() == 0 {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range to {
		for _, r := range t.routes {
			k := lostKey{*o, r.logState}
			set := a.lacking[k]
			if set == nil || !set.Has(seq) {
				continue
			}
			if set.Remove(envelope.Span{First: seq, Last: seq}); set.Empty() {
				delete(a.lacking, k)
			}
			list = addRoutes(list, t.w, r)
		}
	}
	a.lacks.Store(int64(len(a.lacking)))
	return list
}

// progress takes the batches that are written, and acknowledges what came in them.
func (a *acks) progress() {
	a.mu.Lock()
	defer a.mu.Unlock()
	held := a.held
	a.held = nil
	for i := range held {
		a.settle(&held[i])
	}
	for _, l := range a.lanes {
		n := 0
		for n < len(l.tickets) && l.tickets[n].written() {
			for i := range l.tickets[n].came {
				a.settle(&l.tickets[n].came[i])
			}
			l.waiting -= len(l.tickets[n].came)
			a.release(l.tickets[n])
			n++
		}
		l.tickets = slices.Delete(l.tickets, 0, n)
	}
	a.lacks.Store(int64(len(a.lacking)))
}

func (t *ticket) written() bool {
	for _, m := range t.until {
		if m.w.written.Load() < m.n {
			return false
		}
	}
	return true
}

// settle acknowledges what came, unless a file cannot be written. It needs a.mu.
func (a *acks) settle(e *arrival) {
	failing := false
	for _, t := range e.to {
		for _, r := range t.routes {
			failing = failing || r.failing.Load()
		}
	}
	switch {
	case failing && e.ask != nil: // the publisher asks again
	case failing:
		a.hold(e)
	case e.ask != nil:
		a.reg.Ask(e.from, e.ask)
	case e.as != nil:
		if !e.as.refused.Load() && len(a.taken(&e.as.from, envelope.Span{}, e.to)) > 0 {
			a.reg.Written(e.from, *e.origin, e.sp)
		}
	case len(a.refused)+len(a.lacking) == 0:
		a.reg.Written(e.from, *e.origin, e.sp)
	default:
		for _, sp := range a.taken(e.origin, e.sp, e.to) {
			a.reg.Written(e.from, *e.origin, sp)
		}
	}
}

// maxHeld bounds what is held, and maxWaiting what waits for writers. Beyond them lines are not acknowledged, and so come again.
// Then they are acknowledged like others: whatever came before them is written by then, or is in refused or lacking.
const (
	maxHeld    = 65536
	maxWaiting = 65536
)

func (a *acks) hold(e *arrival) {
	if last := len(a.held) - 1; last >= 0 {
		h := &a.held[last]
		if h.as == nil && e.as == nil && *h.origin == *e.origin && h.sp.Last+1 == e.sp.First && h.from == e.from && sameTargets(h.to, e.to) {
			h.sp.Last = e.sp.Last
			return
		}
	}
	if len(a.held) < maxHeld {
		a.held = append(a.held, *e)
	}
}

// taken returns which of some lines all routes have taken. The others count as not received. It needs a.mu.
func (a *acks) taken(o *envelope.Origin, of envelope.Span, to []target) []envelope.Span {
	all := []envelope.Span{of}
	if len(a.refused)+len(a.lacking) == 0 {
		return all
	}
	for _, t := range to {
		for _, r := range t.routes {
			k := lostKey{*o, r.logState}
			if set := a.refused[k]; set != nil {
				for _, sp := range set.Clip(of) {
					addLost(a.lacking, k, sp)
					set.Remove(sp)
				}
				if set.Empty() {
					delete(a.refused, k)
				}
			}
			if set := a.lacking[k]; set != nil { // a line may come again before it is known that it was refused
				for _, sp := range set.Clip(of) {
					all = receipts.Subtract(all, sp)
				}
			}
		}
	}
	return all
}

// run sends acks until ctx ends: after [receipts.AckDelay], and while lines keep coming at most one each
// [receipts.AckInterval].
func (a *acks) run(ctx context.Context) {
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		}
		a.progress()
		if !a.due() {
			continue
		}
		if pause.For(ctx, max(receipts.AckDelay, receipts.AckInterval-time.Since(last))) != nil {
			return
		}
		a.progress()
		a.send(ctx)
		last = time.Now()
	}
}

func (a *acks) due() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.reg.Due()
}

// send sends what is due. What cannot be sent is forgotten: publishers ask for it.
func (a *acks) send(ctx context.Context) {
	for ctx.Err() == nil {
		a.mu.Lock()
		ack, to := a.reg.Next()
		a.mu.Unlock()
		if ack == nil {
			return
		}
		payload := ack.Append(nil)
		a.r.s.count.acks.Add(1)
		_ = a.r.client.Do(ctx, func(conn spread.Connection) error {
			if err := conn.Multicast(ctx, spread.Reliable, 0, payload, to...); err != nil {
				return err
			}
			return conn.Flush(ctx)
		})
	}
}

// endWait is how long the last acks may take.
const endWait = time.Second

// finish acknowledges what was written at the end.
func (a *acks) finish() {
	a.progress()
	if !a.due() || !a.r.count.connected.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), endWait)
	defer cancel()
	a.send(ctx)
}

// restoreWritten passes to the connection which lines its logs with an index had before this start. A line counts as written if
// all of them have it.
func (r *receiver) restoreWritten() {
	type key struct{ logs, stream string }
	have := make(map[key][]envelope.Span)
	logs := make(map[key]int)
	indexed := make(map[string]int) // how many logs a group has, by these logs: thousands of groups may have the same
	for _, targets := range r.table.Load().plain {
		var names strings.Builder
		for _, t := range targets {
			for _, route := range t.routes {
				if route.index != nil {
					fmt.Fprintf(&names, "%p ", route.logState)
				}
			}
		}
		group := names.String()
		if indexed[group] > 0 {
			continue
		}
		for _, t := range targets {
			for _, route := range t.routes {
				if route.index == nil {
					continue
				}
				indexed[group]++
				route.index.Written(func(stream string, spans []envelope.Span) {
					k := key{group, stream}
					if logs[k]++; logs[k] == 1 {
						have[k] = append([]envelope.Span(nil), spans...)
					} else {
						have[k] = receipts.Intersect(have[k], spans)
					}
				})
			}
		}
	}
	for k, spans := range have {
		if o, err := envelope.ParseOrigin([]byte(k.stream)); err == nil && logs[k] == indexed[k.logs] {
			r.acks.reg.Restore(o, spans)
		}
	}
}

// store returns a number that changes if an index is lost; 0 without one.
func (s *Subscriber) store() (sum uint64) {
	for _, r := range s.routes {
		if r.index != nil {
			sum += r.index.Store()
		}
	}
	return sum
}

// restore does the same after a healing, for the writer of files.
func (a *acks) restore() {
	a.mu.Lock()
	a.r.restoreWritten()
	a.mu.Unlock()
	a.signal()
}
