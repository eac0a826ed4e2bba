package receipts

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/logs/internal/logproto"
)

// world is a publisher, log hosts, and a network that loses what is on its way when a connection ends.
type world struct {
	*testing.T
	r       *rand.Rand
	now     time.Time
	need    int
	streams []envelope.Origin
	next    map[envelope.Origin]uint64

	pending *Pending
	session int                // of the publisher
	spool   map[uint64][]Piece // blocks that are not done
	shelf   [][]Piece
	lastID  uint64
	done    map[line]bool

	shelvings int

	hosts []*host
}

// line is a line of a block.
type line struct {
	block uint64
	envelope.Origin
	seq uint64
}

// host is a log host.
type host struct {
	name   string
	life   uint64
	up     bool
	disk   map[envelope.Origin]*envelope.Numbers // survives
	store  uint64                                // names it
	lost   map[envelope.Origin]*envelope.Numbers // what was on earlier disks, by streams about which the publisher has not heard from this one
	in     []any                                 // on its way to it, in order: lines and asks
	got    []any                                 // received and not written
	reg    *Register
	to     []string // private groups of acks that are on their way
	acks   []*logproto.Ack
	groups map[string]bool
}

type lines struct {
	from string
	o    envelope.Origin
	sp   envelope.Span
}

type question struct {
	from string
	ask  Question
}

func (w *world) start(h *host) {
	h.life++
	h.up, h.in, h.got, h.to, h.acks = true, nil, nil, nil, nil
	h.reg = NewRegister(h.name, h.life)
	h.reg.SetStore(h.store)
	for o, n := range h.disk {
		h.reg.Restore(o, n.Spans())
	}
}

// lose gives a log host an empty disk.
func (h *host) lose() {
	for o, n := range h.disk {
		if h.lost[o] == nil {
			h.lost[o] = &envelope.Numbers{}
		}
		for _, sp := range n.Spans() {
			h.lost[o].AddSpan(sp)
		}
	}
	h.store++
	clear(h.disk)
}

func (w *world) own() string { return fmt.Sprint("#lp#", w.session) }

// multicast puts a message on its way to the log hosts that are there.
func (w *world) multicast(group string, m any) {
	for _, h := range w.hosts {
		if h.up && h.groups[group] {
			h.in = append(h.in, m)
		}
	}
}

func (w *world) send(pc *Piece, spans []envelope.Span) {
	for _, sp := range spans {
		w.multicast(pc.Groups[0], lines{w.own(), pc.Origin, sp})
	}
}

// put sends a new block.
func (w *world) put() {
	w.lastID++
	var pieces []Piece
	for range 1 + w.r.IntN(3) {
		o := w.streams[w.r.IntN(len(w.streams))]
		n := 1 + w.r.IntN(5)
		pieces = append(pieces, Piece{Origin: o, Groups: []string{fmt.Sprint("g", o.Stream)}, First: w.next[o], Lines: n})
		w.next[o] += uint64(n)
	}
	w.spool[w.lastID] = pieces
	w.sendBlock(w.lastID)
}

func (w *world) sendBlock(id uint64) {
	for i := range w.spool[id] {
		pc := &w.spool[id][i]
		w.send(pc, []envelope.Span{{First: pc.First, Last: pc.First + uint64(pc.Lines) - 1}})
	}
	w.pending.Sent(w.now, id, w.spool[id])
}

// reconnect loses what is on its way between the publisher and the log hosts.
func (w *world) reconnect() {
	w.session++
	for _, h := range w.hosts {
		h.in = h.in[:w.r.IntN(len(h.in)+1)]
	}
	w.pending.Connected(w.now)
}

// work lets the publisher do what is due.
func (w *world) work() {
	for id, ok := w.pending.Again(); ok; id, ok = w.pending.Again() {
		for i := range w.spool[id] {
			w.send(&w.spool[id][i], w.pending.Rest(id, &w.spool[id][i]))
		}
		w.pending.SentAgain(w.now, id)
	}
	w.tidy()
	asks, _ := w.pending.Asks(w.now)
	for _, a := range asks {
		w.multicast(a.Groups[0], question{w.own(), a})
	}
	for _, id := range w.pending.Done() {
		w.check(id)
		delete(w.spool, id)
	}
}

// check checks that enough log hosts had each line of a block that is done when that became so.
func (w *world) check(id uint64) {
	for _, pc := range w.spool[id] {
		left := w.pending.Unacknowledged(id, &pc)
		for seq := pc.First; seq < pc.First+uint64(pc.Lines); seq++ {
			l := line{id, pc.Origin, seq}
			if done := len(clip(left, seq, seq)) == 0; !done || w.done[l] {
				w.done[l] = done
				continue
			}
			if n := w.copies(pc.Origin, seq); n < w.need {
				w.Fatalf("forgot %v %d, which %d log hosts have", pc.Origin, seq, n)
			}
			w.done[l] = true
		}
	}
}

// tidy puts lines that nobody writes on the shelf, and brings back the first that log hosts want.
func (w *world) tidy() {
	for _, id := range w.pending.ToShelve(w.now, 5) {
		var pieces []Piece
		for i := range w.spool[id] {
			pc := &w.spool[id][i]
			for _, sp := range w.pending.Unacknowledged(id, pc) {
				pieces = append(pieces, Piece{pc.Origin, pc.Groups, sp.First, int(sp.Last - sp.First + 1)})
			}
		}
		w.pending.Shelve(w.now, id, partsOf(pieces))
		w.shelf = append(w.shelf, pieces)
		delete(w.spool, id)
		w.shelvings++
	}
	if !w.pending.Wanted(w.now) {
		return
	}
	if len(w.shelf) == 0 {
		w.Fatal("lines are wanted from an empty shelf")
	}
	var back, stay []Piece
	for _, pc := range w.shelf[0] {
		if w.pending.IsWanted(w.now, pc.Origin) {
			back = append(back, pc)
		} else {
			stay = append(stay, pc)
		}
	}
	if w.shelf = w.shelf[1:]; len(stay) > 0 {
		w.shelf = append(w.shelf, stay)
	}
	w.pending.Unshelve(w.now, partsOf(back), w.lastID+1)
	w.fromShelf(back)
}

func partsOf(pieces []Piece) (parts []Part) {
	for _, pc := range pieces {
		parts = append(parts, Part{Origin: pc.Origin, First: pc.First, Lines: pc.Lines})
	}
	return parts
}

// fromShelf sends lines again as a new block.
func (w *world) fromShelf(back []Piece) {
	w.lastID++
	w.spool[w.lastID] = back
	w.sendBlock(w.lastID)
}

func (w *world) copies(o envelope.Origin, seq uint64) (n int) {
	for _, h := range w.hosts {
		have, lost := h.disk[o], h.lost[o]
		if have != nil && have.Has(seq) || lost != nil && lost.Has(seq) {
			n++
		}
	}
	return n
}

// receive moves messages from the network into a log host, which may have no room.
func (h *host) receive(n int, r *rand.Rand, faults bool) {
	n = min(n, len(h.in))
	for _, m := range h.in[:n] {
		if _, ok := m.(lines); ok && faults && r.IntN(20) == 0 {
			continue
		}
		h.got = append(h.got, m)
	}
	h.in = h.in[n:]
}

// write writes what was received first.
func (h *host) write(n int) {
	n = min(n, len(h.got))
	for _, m := range h.got[:n] {
		switch m := m.(type) {
		case lines:
			have := h.disk[m.o]
			if have == nil {
				have = &envelope.Numbers{}
				h.disk[m.o] = have
			}
			have.AddSpan(m.sp)
			h.reg.Written(m.from, m.o, m.sp)
		case question:
			h.reg.Ask(m.from, &m.ask.Ask)
		}
	}
	h.got = h.got[n:]
	for h.reg.Due() {
		ack, to := h.reg.Next()
		h.acks, h.to = append(h.acks, ack), append(h.to, to[0])
	}
}

func (w *world) deliver(h *host) {
	for i, a := range h.acks {
		if h.to[i] != w.own() {
			continue
		}
		kind, body, err := logproto.Split(a.Append(nil))
		var got logproto.Ack
		if err != nil || kind != logproto.KindAck || got.Decode(body) != nil {
			w.Fatalf("the ack %+v cannot be read", a)
		}
		for i := range got.Receipts {
			delete(h.lost, got.Receipts[i].Origin)
		}
		w.pending.Ack(w.now, &got)
		for id := range w.spool {
			w.check(id)
		}
	}
	h.acks, h.to = nil, nil
}

// step does something at random. Without faults nothing breaks any more.
func (w *world) step(faults bool) {
	w.now = w.now.Add(time.Duration(w.r.IntN(20)) * time.Millisecond)
	if w.r.IntN(100) == 0 {
		w.now = w.now.Add(SilentAfter)
	}
	h := w.hosts[w.r.IntN(len(w.hosts))]
	switch k := w.r.IntN(100); {
	case k < 20 && faults:
		w.put()
	case k < 23 && faults:
		w.reconnect()
	case k == 30 && faults:
		h.lose()
		w.start(h)
	case k < 25 && faults:
		h.up, h.in, h.got, h.acks = false, nil, nil, nil
	case k < 27 && faults: // the publisher is killed, and starts again with its spool
		w.session++
		w.pending = NewPending(w.need)
		for id := uint64(1); id <= w.lastID; id++ {
			if w.spool[id] != nil {
				w.sendBlock(id)
			}
		}
		for _, pieces := range w.shelf {
			w.fromShelf(pieces)
		}
		w.shelf = nil
	case k < 30 || !faults:
		if !h.up {
			w.start(h)
		}
	}
	for _, h := range w.hosts {
		if h.up {
			h.receive(w.r.IntN(10), w.r, faults)
			h.write(w.r.IntN(10))
			if !faults || w.r.IntN(3) == 0 {
				w.deliver(h)
			}
		}
	}
	w.work()
}

// TestDelivery: whatever breaks, no line is forgotten that not enough log hosts have, and all lines arrive in the end.
func TestDelivery(t *testing.T) {
	seeds := uint64(300)
	if testing.Short() {
		seeds = 30
	}
	shelvings := 0
	for seed := range seeds {
		w := &world{
			T: t, r: rand.New(rand.NewPCG(seed, 1)), now: time.Unix(1e9, 0), need: 1 + int(seed)%3,
			next: make(map[envelope.Origin]uint64), spool: make(map[uint64][]Piece), done: make(map[line]bool),
		}
		w.pending = NewPending(w.need)
		for i := range uint32(3) {
			w.streams = append(w.streams, envelope.Origin{Publisher: "web1", Epoch: 7, Stream: i})
		}
		for i := range 3 {
			h := &host{
				name: fmt.Sprint("log", i), groups: map[string]bool{"g0": true, "g1": true, "g2": true}, store: 1,
				disk: make(map[envelope.Origin]*envelope.Numbers), lost: make(map[envelope.Origin]*envelope.Numbers),
			}
			w.start(h)
			w.hosts = append(w.hosts, h)
		}
		for range 300 {
			w.step(true)
		}
		for i := 0; len(w.spool)+len(w.shelf) > 0; i++ {
			if i == 3000 {
				t.Fatalf("seed %d: %d blocks are left: %+v", seed, len(w.spool), w.pending.Silent())
			}
			w.step(false)
		}
		if w.pending.Blocks() != 0 || w.pending.InFlight() != 0 || len(w.pending.streams) != 0 || len(w.pending.again) != 0 {
			t.Fatalf("seed %d: left %+v", seed, w.pending)
		}
		shelvings += w.shelvings
		if asks, next := w.pending.Asks(w.now.Add(time.Hour)); len(asks) > 0 || !next.IsZero() {
			t.Fatalf("seed %d: it asks although nothing waits", seed)
		}
	}
	if shelvings == 0 {
		t.Error("no line was ever put on the shelf")
	}
	t.Logf("%d blocks were put on the shelf", shelvings)
}

// TestSilence: a group that nobody writes is known as silent, is asked about twice a second, and does not hold up others.
func TestSilence(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := NewPending(1)
	dead := Piece{Origin: envelope.Origin{Publisher: "w", Epoch: 1}, Groups: []string{"dead"}, Lines: 10}
	live := Piece{Origin: envelope.Origin{Publisher: "w", Epoch: 1, Stream: 1}, Groups: []string{"live"}, Lines: 1}
	p.Sent(now, 1, []Piece{dead})
	asks := 0
	for range 10_000 / 5 {
		now = now.Add(5 * time.Millisecond)
		list, _ := p.Asks(now)
		asks += len(list)
	}
	if asks < 20 || asks > 23 { // at 50, 150, 350 and 750 ms, and then twice a second
		t.Errorf("%d asks in 10 s", asks)
	}
	if got := fmt.Sprint(p.Silent()); got != "[{[dead] 10 0}]" || p.InFlight() != 0 || !p.Quiet(now) {
		t.Errorf("silent are %v, in flight %d", got, p.InFlight())
	}
	dead.First = 10
	p.Sent(now, 2, []Piece{dead, live})
	if p.InFlight() != 1 || p.Quiet(now) {
		t.Errorf("%d blocks are in flight, want that of the live group", p.InFlight())
	}
	p.Ack(now, &logproto.Ack{Host: "log1", Receipts: []logproto.Receipt{{Origin: live.Origin, Spans: []envelope.Span{{}}}}})
	if p.InFlight() != 0 || p.Blocks() != 2 {
		t.Errorf("%d of %d blocks are in flight", p.InFlight(), p.Blocks())
	}
	if left := p.Unacknowledged(2, &live); left != nil {
		t.Errorf("left of the live group: %v", left)
	}

	// A log host comes.
	p.Ack(now, &logproto.Ack{Host: "log1", Receipts: []logproto.Receipt{{Origin: dead.Origin, Ask: 1, Until: 10}}})
	id, ok := p.Again()
	if !ok || id != 1 || p.InFlight() != 0 || p.Quiet(now) {
		t.Errorf("block %d, %v comes again, in flight are %d", id, ok, p.InFlight())
	}
	p.SentAgain(now, 1)
	if p.Quiet(now) || !p.Quiet(now.Add(AskLast)) {
		t.Error("an acknowledgment of what was sent again is not waited for, or for ever")
	}
	p.Ack(now, &logproto.Ack{Host: "log1", Receipts: []logproto.Receipt{{Origin: dead.Origin, Spans: []envelope.Span{{First: 0, Last: 99}}}}})
	if done := fmt.Sprint(p.Done()); done != "[1 2]" {
		t.Errorf("done are %s", done)
	}
}

// TestManyAsks: the asks of many groups are spread over time.
func TestManyAsks(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := NewPending(1)
	const groups = 3*MaxAsks + 1
	for i := range uint32(groups) {
		p.Sent(now, uint64(i+1), []Piece{{Origin: envelope.Origin{Publisher: "w", Stream: i}, Groups: []string{fmt.Sprint("g", i)}, Lines: 1}})
	}
	asked := make(map[string]bool)
	for range 4 {
		now = now.Add(AskFirst)
		list, next := p.Asks(now)
		if len(list) > MaxAsks || next.IsZero() {
			t.Fatalf("%d asks at once, the next at %v", len(list), next)
		}
		for _, a := range list {
			asked[a.Groups[0]] = true
		}
	}
	if len(asked) < groups {
		t.Errorf("%d of %d groups were asked", len(asked), groups)
	}
}

// TestLongAnswers: an ack has a bounded number of spans and receivers; the rest follows.
func TestLongAnswers(t *testing.T) {
	r := NewRegister("log1", 1)
	for i := range uint32(200) {
		o := envelope.Origin{Publisher: "w", Stream: i}
		for seq := range uint64(200) {
			r.Written(fmt.Sprint("#p", i, "#a"), o, envelope.Span{First: 2 * seq, Last: 2 * seq})
		}
	}
	seen := make(map[uint32]int)
	for r.Due() {
		ack, to := r.Next()
		if n := len(ack.Append(nil)); n > 16<<10 || len(to) > maxTo {
			t.Fatalf("an ack has %d bytes for %d", n, len(to))
		}
		for _, rc := range ack.Receipts {
			seen[rc.Stream] += len(rc.Spans)
		}
	}
	for i := range uint32(200) {
		if seen[i] != 200 {
			t.Fatalf("%d lines of stream %d were acknowledged", seen[i], i)
		}
	}
}

// TestStuck: lines that only one of two log hosts can write do not hold up those of other groups, and come to the second when
// it is back.
func TestStuck(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := NewPending(2)
	pc := Piece{Origin: envelope.Origin{Publisher: "w", Epoch: 1}, Groups: []string{"g"}, Lines: 10}
	span := func() []envelope.Span { return []envelope.Span{{First: pc.First, Last: pc.First + 9}} }
	for id := range uint64(100) {
		pc.First = 10 * id
		p.Sent(now, id+1, []Piece{pc})
		p.Ack(now, &logproto.Ack{Host: "log1", Receipts: []logproto.Receipt{{Origin: pc.Origin, Spans: span()}}})
		now = now.Add(SilentAfter / 50)
		p.Asks(now)
	}
	if n := p.InFlight(); n != 0 {
		t.Fatalf("%d blocks hold up others though one log host is away", n)
	}
	if list := p.Silent(); len(list) != 1 || list[0].Lines != 1000 {
		t.Errorf("silent are %v", list)
	}
	asks, _ := p.Asks(now.Add(time.Second))
	p.Ack(now, &logproto.Ack{Host: "log2", Receipts: []logproto.Receipt{{Origin: pc.Origin, Ask: asks[0].Number, Until: 1000}}})
	for id, ok := p.Again(); ok; id, ok = p.Again() {
		p.SentAgain(now, id)
	}
	p.Ack(now, &logproto.Ack{Host: "log2", Receipts: []logproto.Receipt{{Origin: pc.Origin, Spans: []envelope.Span{{First: 0, Last: 999}}}}})
	if n := len(p.Done()); n != 100 {
		t.Errorf("%d of 100 blocks are done", n)
	}
}

// TestNoRoom: lines for a log host that answers and cannot write do not hold up those of other groups.
func TestNoRoom(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := NewPending(1)
	pc := Piece{Origin: envelope.Origin{Publisher: "w", Epoch: 1}, Groups: []string{"g"}, Lines: 10}
	p.Sent(now, 1, []Piece{pc})
	for range 100 {
		now = now.Add(SilentAfter / 50)
		asks, _ := p.Asks(now)
		for _, a := range asks {
			p.Ack(now, &logproto.Ack{Host: "log1", Receipts: []logproto.Receipt{{Origin: pc.Origin, Ask: a.Number, Until: 10}}})
		}
		for id, ok := p.Again(); ok; id, ok = p.Again() {
			p.SentAgain(now, id)
		}
	}
	if n := p.InFlight(); n != 0 {
		t.Errorf("%d blocks hold up others though the log host cannot write them", n)
	}
}

// TestTwice: a block that has lines twice, as a kill may leave them in two places, is sent again like others.
func TestTwice(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := NewPending(1)
	pc := Piece{Origin: envelope.Origin{Publisher: "w", Epoch: 1}, Groups: []string{"g"}, Lines: 10}
	late := pc
	late.First, late.Lines = 5, 2
	p.Sent(now, 1, []Piece{pc, late})
	if got := fmt.Sprint(p.Unacknowledged(1, &pc)); got != "[{0 9}]" {
		t.Errorf("unacknowledged are %s", got)
	}
	p.Ack(now, &logproto.Ack{Host: "log1", Receipts: []logproto.Receipt{{Origin: pc.Origin, Spans: []envelope.Span{{First: 0, Last: 5}}}}})
	if got := fmt.Sprint(p.Unacknowledged(1, &pc), p.Unacknowledged(1, &late)); got != "[{6 9}] [{6 6}]" {
		t.Errorf("unacknowledged are %s", got)
	}
}

// TestAway: the time without a connection does not make a stream silent, because no log host could acknowledge anything.
func TestAway(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := NewPending(1)
	p.Sent(now, 1, []Piece{{Origin: envelope.Origin{Publisher: "w", Epoch: 1}, Groups: []string{"g"}, Lines: 10}})
	now = now.Add(SilentAfter)
	p.Connected(now)
	p.Asks(now)
	if _, again := p.Again(); p.InFlight() != 1 || !again {
		t.Errorf("%d blocks are expected to be acknowledged, sent again: %v", p.InFlight(), again)
	}
	if now = now.Add(SilentAfter); p.InFlight() == 1 {
		p.Asks(now)
	}
	if n := p.InFlight(); n != 0 {
		t.Errorf("%d blocks are expected to be acknowledged, though nobody has for %v", n, SilentAfter)
	}
}
