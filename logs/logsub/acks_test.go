package logsub

import (
	"math"
	"testing"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/receipts"
)

// acksTest has acks without a receiver.
type acksTest struct {
	*testing.T
	acks
	route  route
	writer writer
	to     []target
}

func newAcksTest(t *testing.T) *acksTest {
	a := &acksTest{T: t, route: route{logState: new(logState)}, acks: acks{
		wake: make(chan struct{}, 1), reg: receipts.NewRegister("log1", 1),
		refused: make(map[lostKey]*receipts.Set), lacking: make(map[lostKey]*receipts.Set),
	}}
	a.to = []target{{w: &a.writer, routes: []*route{&a.route}}}
	return a
}

// receive has n lines of each of two streams come, alternately.
func (a *acksTest) receive(n int) {
	for seq := range uint64(n) {
		for stream := range uint32(2) {
			at := len(a.batch) // each line is an arrival of its own
			a.came("#web#a", &envelope.Origin{Publisher: "web", Epoch: 1, Stream: stream}, &at, envelope.Span{First: seq, Last: seq}, a.to)
		}
	}
	a.handOn([]mark{{&a.writer, uint64(n)}})
}

// acked returns which lines of the first stream are acknowledged, all in all.
func (a *acksTest) acked() (all envelope.Numbers) {
	for ack, _ := a.reg.Next(); ack != nil; ack, _ = a.reg.Next() {
		for i := range ack.Receipts {
			if r := &ack.Receipts[i]; r.Stream == 0 {
				for _, sp := range r.Spans {
					all.AddSpan(sp)
				}
			}
		}
	}
	return all
}

func (a *acksTest) want(spans ...envelope.Span) {
	a.Helper()
	have := a.acked()
	if got := have.Spans(); len(got) != len(spans) || len(got) > 0 && (got[0] != spans[0] || got[len(got)-1] != spans[len(spans)-1]) {
		a.Fatalf("acknowledged: %v; want %v", got, spans)
	}
}

// Lines that are not held because there are too many come again once the file can be written, and are acknowledged then. Otherwise
// their publisher would send them again for ever.
func TestMoreLinesThanAreHeld(t *testing.T) {
	const n = maxHeld/2 + 1000
	a := newAcksTest(t)
	a.route.failing.Store(true)
	a.receive(n)
	a.refuse(&envelope.Origin{Publisher: "web", Epoch: 1}, n-1, &a.route)
	a.writer.written.Store(n)
	a.progress()
	if len(a.held) != maxHeld {
		t.Fatalf("%d are held", len(a.held))
	}
	a.receive(n)
	a.route.failing.Store(false)
	a.progress()
	a.want(envelope.Span{First: 0, Last: n - 2})
	if a.again(&envelope.Origin{Publisher: "web", Epoch: 1}, n-1, a.to) == nil {
		t.Error("the line that was refused is not taken when it comes again")
	}
}

// A writer that hangs bounds what waits for it. What came meanwhile is not acknowledged before that is written.
func TestWriterHangs(t *testing.T) {
	a := newAcksTest(t)
	const n = maxWaiting / 2
	a.receive(n)
	a.receive(n + 5)
	if a.lanes[0].waiting != maxWaiting || len(a.lanes[0].tickets) != 1 {
		t.Fatalf("%d arrivals and %d tickets wait", a.lanes[0].waiting, len(a.lanes[0].tickets))
	}
	a.writer.written.Store(n + 4)
	a.progress()
	a.want()
	a.writer.written.Store(n + 5)
	a.progress()
	a.want(envelope.Span{First: 0, Last: n - 1})
	a.receive(n + 5)
	a.progress()
	a.want(envelope.Span{First: 0, Last: n + 4})
}

// A line that was refused and comes again before that is known is not acknowledged.
func TestRefusedLineComesTwice(t *testing.T) {
	a := newAcksTest(t)
	a.receive(3)
	a.refuse(&envelope.Origin{Publisher: "web", Epoch: 1}, 1, &a.route)
	a.receive(3)
	a.writer.written.Store(3)
	a.progress()
	a.want(envelope.Span{First: 0, Last: 0}, envelope.Span{First: 2, Last: 2})
}

// Lines of streams that take turns are one arrival a stream and batch, and nothing is allocated for them once buffers have grown.
func TestStreamsTakeTurns(t *testing.T) {
	const streams, lines = 10, 50
	a := newAcksTest(t)
	var origins [streams]envelope.Origin
	var at [streams]int
	for i := range origins {
		origins[i] = envelope.Origin{Publisher: "web", Epoch: 1, Stream: uint32(i)}
	}
	seq := uint64(0)
	batch := func() {
		for range lines {
			for i := range origins {
				a.came("#web#a", &origins[i], &at[i], envelope.Span{First: seq, Last: seq}, a.to)
			}
			seq++
		}
		a.handOn([]mark{{&a.writer, seq}})
	}
	batch()
	if a.lanes[0].waiting != streams {
		t.Errorf("%d arrivals wait", a.lanes[0].waiting)
	}
	a.writer.written.Store(math.MaxUint64)
	a.progress()
	if n := testing.AllocsPerRun(100, func() { batch(); a.progress() }); n > 0 && !testkit.Race {
		t.Errorf("%v allocations for %d lines", n, streams*lines)
	}
	a.want(envelope.Span{First: 0, Last: seq - 1})
}
