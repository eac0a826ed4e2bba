package logsub

import (
	"testing"

	"github.com/spreadd/spreadd/internal/envelope"
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
	a := &acksTest{T: t, acks: acks{
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
			a.came("#web#a", &envelope.Origin{Publisher: "web", Epoch: 1, Stream: stream}, seq, a.to)
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
	if a.waiting != maxWaiting || len(a.tickets) != 1 {
		t.Fatalf("%d arrivals and %d tickets wait", a.waiting, len(a.tickets))
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
