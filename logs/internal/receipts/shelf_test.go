package receipts

import (
	"fmt"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/logs/internal/logproto"
)

// TestKeptReturning: lines that have left the shelf and are not sent yet can still be sent.
func TestKeptReturning(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := NewPending(1)
	o := envelope.Origin{Publisher: "w", Epoch: 1}
	piece := func(first uint64) []Piece {
		return []Piece{{Origin: o, Groups: []string{"g"}, First: first, Lines: 10}}
	}
	part := []Part{{Origin: o, Lines: 10, Bytes: 100}}
	wantKept := func(when string, want uint64) {
		t.Helper()
		if got, ok := p.Kept(o); !ok || got != want {
			t.Errorf("%s: kept from %d on, %v, want %d", when, got, ok, want)
		}
	}
	p.Sent(now, 1, piece(0))
	now = now.Add(SilentAfter)
	p.Asks(now)
	p.Shelve(now, 1, part)
	if got := fmt.Sprint(p.OnShelf()); got != "map[g:10]" {
		t.Errorf("on the shelf are %s", got)
	}
	p.Sent(now, 2, piece(10))
	wantKept("on the shelf", 0)
	p.Unshelve(now, part, 3)
	wantKept("in the queue", 0)
	p.Sent(now, 3, piece(0))
	wantKept("sent", 0)
	if got := fmt.Sprint(p.Silent(), p.OnShelf()); got != "[{[g] 20 0}] map[]" {
		t.Errorf("silent and on the shelf are %s", got)
	}
	p.Ack(now, &logproto.Ack{Host: "log1", Receipts: []logproto.Receipt{{Origin: o, Spans: []envelope.Span{{First: 0, Last: 9}}}}})
	wantKept("acknowledged", 10)

	// Those that the queue has lost meanwhile do not count for ever.
	now = now.Add(SilentAfter)
	p.Asks(now)
	part[0].First = 10
	p.Shelve(now, 2, part)
	p.Unshelve(now, part, 4)
	wantKept("in the queue", 10)
	p.Forget(4)
	if got, ok := p.Kept(o); ok {
		t.Errorf("kept from %d on, though the queue has nothing", got)
	}
}

// TestLostStore: what a log host had acknowledged before it lost its files does not count.
func TestLostStore(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := NewPending(2)
	o := envelope.Origin{Publisher: "w", Epoch: 1}
	ack := func(host string, store uint64, spans ...envelope.Span) {
		p.Ack(now, &logproto.Ack{Host: host, Store: store, Receipts: []logproto.Receipt{{Origin: o, Ask: 1, Until: 10, Spans: spans}}})
	}
	all := envelope.Span{First: 0, Last: 9}
	p.Sent(now, 1, []Piece{{Origin: o, Groups: []string{"g"}, Lines: 10}})
	ack("log1", 5, all)
	ack("log1", 6)
	now = now.Add(AskFirst)
	p.Asks(now)
	ack("log2", 7, all)
	if done := p.Done(); len(done) > 0 {
		t.Fatal("lines that only one log host has are forgotten")
	}
	ack("log1", 6)
	if _, ok := p.Again(); !ok {
		t.Error("the lines are not sent again to the log host that has lost them")
	}
	p.SentAgain(now, 1)
	ack("log1", 6, all)
	if done := fmt.Sprint(p.Done()); done != "[1]" {
		t.Errorf("done are %s", done)
	}
}
