package receipts

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/logs/internal/logproto"
)

const (
	// AskFirst is how long lines stay unacknowledged before the first ask. A log host that works acknowledges sooner.
	AskFirst = 250 * time.Millisecond
	// AskLast bounds the pause between asks, and so the time until a log host that comes back gets its lines.
	AskLast = time.Second / 2
	// SilentAfter is how long a stream waits for any of its lines to be done until it counts as silent: too few log hosts write
	// it, or none. It is longer than a failover takes.
	SilentAfter = 3 * time.Second
	// MaxAsks bounds the asks that come up at once.
	MaxAsks = 64
	// maxStores bounds the log hosts of a stream of which Pending knows the store, because they come from messages.
	maxStores = 256
)

// Piece is the lines of a block that belong to one stream.
type Piece struct {
	envelope.Origin
	Groups []string
	First  uint64 // number of its first line
	Lines  int    // at least 1; their numbers are consecutive
}

// Question is an ask that is due, and where it goes.
type Question struct {
	Groups []string
	logproto.Ask
}

// Pending is what a publisher has sent and nobody, or not enough, have acknowledged. Blocks have IDs that grow.
type Pending struct {
	need    int
	asks    uint64 // number of the last ask
	streams map[envelope.Origin]*stream
	blocks  map[uint64]*block
	again   []uint64 // IDs of the blocks to be sent again, ascending
	loud    int      // blocks with lines of streams that are not silent
	silent  int      // silent streams
	onShelf int      // streams with lines on the shelf
	done    []uint64
	next    time.Time // before this nothing is due in Asks; zero if nothing will be
	resent  time.Time // the last SentAgain
}

// soon notes that something may be due in Asks.
func (p *Pending) soon(at time.Time) {
	if p.next.IsZero() || at.Before(p.next) {
		p.next = at
	}
}

type block struct {
	id     uint64
	pieces []*piece
	left   int // pieces that are not done
	loud   int // of these, in streams that are not silent
	again  bool
}

type stream struct {
	origin envelope.Origin
	groups []string
	where  string // the groups as one text
	pieces []*piece
	next   uint64    // behind the highest number sent
	moved  time.Time // when a line was done last, or the first was sent
	silent bool
	askAt  time.Time
	pause  time.Duration
	shelf  shelved
	back   []returned        // lines that have left the shelf and are not sent yet
	stores map[string]uint64 // of the log hosts that have acknowledged lines of it
}

// piece is a Piece that is not done.
type piece struct {
	block       *block // nil once it is done
	stream      *stream
	first, last uint64
	sent        uint64 // the last ask before it was sent
	again       bool
	by          []has
	left        uint64 // lines that are not done
}

// has is what a log host has of a piece.
type has struct {
	host  string
	spans []envelope.Span
}

// NewPending returns a Pending for which a line is done when so many log hosts have it.
func NewPending(need int) *Pending {
	return &Pending{need: max(1, need), streams: make(map[envelope.Origin]*stream), blocks: make(map[uint64]*block)}
}

// Sent notes that the lines of a block were sent for the first time.
func (p *Pending) Sent(now time.Time, id uint64, pieces []Piece) {
	b := &block{id: id}
	p.blocks[id] = b
	p.soon(now.Add(AskFirst))
	for i := range pieces {
		pc := &pieces[i]
		s := p.streams[pc.Origin]
		if s == nil {
			s = &stream{
				origin: pc.Origin, groups: pc.Groups, where: strings.Join(pc.Groups, " "),
				moved: now, pause: AskFirst, askAt: now.Add(AskFirst),
			}
			p.streams[pc.Origin] = s
		}
		q := &piece{block: b, stream: s, first: pc.First, last: pc.First + uint64(pc.Lines) - 1, sent: p.asks, left: uint64(pc.Lines)}
		at := len(s.pieces)
		for at > 0 && s.pieces[at-1].first > q.first {
			at--
		}
		s.pieces = slices.Insert(s.pieces, at, q)
		s.next = max(s.next, q.last+1)
		s.back = slices.DeleteFunc(s.back, func(r returned) bool { return r.block == id })
		b.pieces = append(b.pieces, q)
		b.left++
		if !s.silent {
			b.loud++
		}
	}
	switch {
	case b.left == 0:
		delete(p.blocks, id)
		p.done = append(p.done, id)
	case b.loud > 0:
		p.loud++
	}
}

// Connected notes that there is a new connection. What log hosts were expected to acknowledge is sent again, so that its order
// stays. About the rest they are asked.
func (p *Pending) Connected(now time.Time) {
	p.soon(now)
	for _, s := range p.streams {
		s.askAt, s.pause = now, AskFirst
		if s.silent {
			continue
		}
		s.moved = now // nobody could acknowledge anything without a connection
		for _, q := range s.pieces {
			p.sendAgain(q)
		}
	}
}

// sendAgain has a piece sent again.
func (p *Pending) sendAgain(q *piece) {
	q.again = true
	if !q.block.again {
		q.block.again = true
		at, _ := slices.BinarySearch(p.again, q.block.id)
		p.again = slices.Insert(p.again, at, q.block.id)
	}
}

// Kept returns the lowest number of a stream that is not acknowledged often enough; false if all are.
func (p *Pending) Kept(o envelope.Origin) (seq uint64, ok bool) {
	s := p.streams[o]
	if s == nil {
		return 0, false
	}
	return s.kept(), true
}

// kept returns the lowest number of a stream that is not done, or a lower one.
func (s *stream) kept() uint64 {
	low := uint64(math.MaxUint64)
	if s.shelf.lines > 0 {
		low = s.shelf.first
	}
	if len(s.pieces) > 0 {
		low = min(low, s.pieces[0].first)
	}
	for _, r := range s.back {
		low = min(low, r.first)
	}
	return low
}

// Groups returns the groups of a stream that has lines which are not done, with spaces between; otherwise "".
func (p *Pending) Groups(o envelope.Origin) string {
	if s := p.streams[o]; s != nil {
		return s.where
	}
	return ""
}

// InFlight returns how many blocks are sent that a log host is expected to acknowledge.
func (p *Pending) InFlight() int { return p.loud }

// Blocks returns how many blocks are sent and not done.
func (p *Pending) Blocks() int { return len(p.blocks) }

// Again returns the lowest block that has to be sent again. Before that happens it asks Rest for each of its lines.
func (p *Pending) Again() (id uint64, ok bool) {
	if len(p.again) == 0 {
		return 0, false
	}
	return p.again[0], true
}

// Rest returns which lines of a piece of a block have to be sent again.
func (p *Pending) Rest(id uint64, pc *Piece) []envelope.Span { return p.left(id, pc, true) }

// Unacknowledged returns which lines of a piece of a block are not done.
func (p *Pending) Unacknowledged(id uint64, pc *Piece) []envelope.Span { return p.left(id, pc, false) }

func (p *Pending) left(id uint64, pc *Piece, again bool) (list []envelope.Span) {
	b := p.blocks[id]
	if b == nil {
		return nil
	}
	for _, q := range b.pieces {
		if q.block != nil && q.stream.origin == pc.Origin && (q.again || !again) {
			for _, sp := range clip(p.rest(q), pc.First, pc.First+uint64(pc.Lines)-1) {
				list = join(list, sp) // a block may have a line twice, as a kill may have left it in two places
			}
		}
	}
	return list
}

// SentAgain notes that the Rest of the pieces of a block was sent.
func (p *Pending) SentAgain(now time.Time, id uint64) {
	b := p.blocks[id]
	if b == nil {
		return
	}
	p.notAgain(b)
	p.resent = now
	for _, q := range b.pieces {
		if q.again {
			q.again, q.sent = false, p.asks
			s := q.stream
			s.pause, s.askAt = AskFirst, later(s.askAt, now.Add(AskFirst))
			p.soon(now.Add(AskFirst))
		}
	}
}

func (p *Pending) notAgain(b *block) {
	if !b.again {
		return
	}
	b.again = false
	if at, ok := slices.BinarySearch(p.again, b.id); ok {
		p.again = slices.Delete(p.again, at, at+1)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Drop forgets a block whose lines are lost or moved.
func (p *Pending) Drop(id uint64) {
	b := p.blocks[id]
	if b == nil {
		return
	}
	for _, q := range b.pieces {
		if q.block != nil {
			q.block = nil
			q.stream.pieces = slices.DeleteFunc(q.stream.pieces, func(other *piece) bool { return other == q })
			p.tidy(q.stream)
		}
	}
	p.remove(b)
}

// remove forgets a block without pieces.
func (p *Pending) remove(b *block) {
	if b.loud > 0 {
		p.loud--
		b.loud = 0
	}
	delete(p.blocks, b.id)
	p.notAgain(b)
}

// tidy forgets a stream that has nothing to wait for.
func (p *Pending) tidy(s *stream) {
	if len(s.pieces) == 0 && s.shelf.lines == 0 && len(s.back) == 0 {
		p.setSilent(s, false)
		delete(p.streams, s.origin)
	}
}

// Done returns the blocks that are done since the last call.
func (p *Pending) Done() []uint64 {
	done := p.done
	p.done = nil
	return done
}

// Ack takes what a log host says.
func (p *Pending) Ack(now time.Time, a *logproto.Ack) {
	for i := range a.Receipts {
		r := &a.Receipts[i]
		s := p.streams[r.Origin]
		if s == nil {
			continue
		}
		p.setStore(s, a.Host, a.Store)
		first, rest := s.oldest(), []envelope.Span(nil)
		if first != nil {
			rest = p.rest(first)
		}
		moved := false
		for _, sp := range r.Spans {
			moved = p.acked(s, a.Host, sp) || moved
		}
		if moved {
			s.moved, s.shelf.retry = now, 0
			p.setSilent(s, false)
		}
		if r.Ask != 0 && r.Ask <= p.asks {
			s.answered(now, a.Host)
			p.lacked(s, a.Host, r)
		}
		if first != nil && (first.block == nil || !slices.Equal(rest, p.rest(first))) {
			// The oldest line moved. If only later ones do, it may be lost, and is asked about.
			s.pause, s.askAt = AskFirst, now.Add(AskFirst)
			p.soon(s.askAt)
		}
		p.tidy(s)
	}
}

// setStore notes where a log host has the lines that it acknowledges. If that is another place than before, it has lost those that it
// had acknowledged. Zero means that it does not say.
func (p *Pending) setStore(s *stream, host string, store uint64) {
	before, known := s.stores[host]
	if s.stores == nil || !known && len(s.stores) == maxStores {
		s.stores = make(map[string]uint64)
	}
	if s.stores[host] = store; !known || before == store {
		return
	}
	for _, q := range s.pieces {
		q.by = slices.DeleteFunc(q.by, func(h has) bool { return h.host == host })
		q.left = count(p.rest(q))
	}
}

// oldest returns the piece with the lowest numbers, or nil.
func (s *stream) oldest() *piece {
	if len(s.pieces) == 0 {
		return nil
	}
	return s.pieces[0]
}

// acked notes numbers that a log host has, and reports whether any of them are done by that.
func (p *Pending) acked(s *stream, host string, sp envelope.Span) (moved bool) {
	finished := false
	for _, q := range s.pieces[s.find(sp.First):] {
		if q.first > sp.Last {
			break
		}
		if !q.add(host, envelope.Span{First: max(sp.First, q.first), Last: min(sp.Last, q.last)}) {
			continue
		}
		left := count(p.rest(q))
		moved, q.left = moved || left < q.left, left
		if left == 0 {
			finished = true
			p.finish(s, q)
		}
	}
	if finished {
		s.pieces = slices.DeleteFunc(s.pieces, func(q *piece) bool { return q.block == nil })
	}
	return moved
}

// find returns the index of the first piece that may have a number. Pieces do not overlap, unless a publisher reuses numbers.
func (s *stream) find(seq uint64) int {
	i, _ := slices.BinarySearchFunc(s.pieces, seq, func(q *piece, seq uint64) int {
		if q.last < seq {
			return -1
		}
		return 1
	})
	return i
}

// finish takes a piece off its block.
func (p *Pending) finish(s *stream, q *piece) {
	b := q.block
	q.block = nil
	b.left--
	if !s.silent {
		if b.loud--; b.loud == 0 {
			p.loud--
		}
	}
	if b.left == 0 {
		p.remove(b)
		p.done = append(p.done, b.id)
	}
}

// lacked finds out from an answer to an ask what has to be sent again.
func (p *Pending) lacked(s *stream, host string, r *logproto.Receipt) {
	for _, q := range s.pieces {
		if q.first >= r.Until {
			break
		}
		if q.sent >= r.Ask || q.again {
			continue
		}
		if lacking := subtract(p.rest(q), q.of(host)); len(lacking) > 0 && lacking[0].First < r.Until {
			p.sendAgain(q)
		}
	}
}

// of returns what a log host has of a piece.
func (q *piece) of(host string) []envelope.Span {
	for i := range q.by {
		if q.by[i].host == host {
			return q.by[i].spans
		}
	}
	return nil
}

// add notes that a log host has lines of a piece, and reports whether that is new.
func (q *piece) add(host string, sp envelope.Span) bool {
	for i := range q.by {
		h := &q.by[i]
		if h.host != host {
			continue
		}
		if len(subtract([]envelope.Span{sp}, h.spans)) == 0 {
			return false
		}
		h.spans = join(h.spans, sp)
		return true
	}
	q.by = append(q.by, has{host, []envelope.Span{sp}})
	return true
}

// rest returns the numbers of a piece that too few log hosts have.
func (p *Pending) rest(q *piece) []envelope.Span {
	whole := []envelope.Span{{First: q.first, Last: q.last}}
	if p.need == 1 {
		for i := range q.by {
			whole = subtract(whole, q.by[i].spans)
		}
		return whole
	}
	// lacking[k] is what fewer than k+1 log hosts have.
	lacking := make([][]envelope.Span, p.need)
	for k := range lacking {
		lacking[k] = whole
	}
	for i := range q.by {
		spans := q.by[i].spans
		for k := p.need - 1; k > 0; k-- {
			// Few enough have it still if fewer than k+1 had it and this one has not, or if fewer than k had it.
			lacking[k] = union(subtract(lacking[k], spans), lacking[k-1])
		}
		lacking[0] = subtract(lacking[0], spans)
	}
	return lacking[p.need-1]
}

// Asks returns the asks that are due, and when the next one will be; zero if there will be none.
func (p *Pending) Asks(now time.Time) (asks []Question, next time.Time) {
	if p.next.IsZero() || now.Before(p.next) {
		return nil, p.next
	}
	var due []*stream
	for _, s := range p.streams {
		if now.Sub(s.moved) >= SilentAfter {
			p.setSilent(s, true)
		}
		if !s.askAt.After(now) {
			due = append(due, s)
		}
	}
	slices.SortFunc(due, func(a, b *stream) int {
		return cmp.Or(a.askAt.Compare(b.askAt), cmp.Compare(a.where, b.where), cmp.Compare(a.origin.Publisher, b.origin.Publisher),
			cmp.Compare(a.origin.Epoch, b.origin.Epoch), cmp.Compare(a.origin.Stream, b.origin.Stream))
	})
	for _, s := range due {
		if s.askAt.After(now) {
			continue // asked together with another
		}
		if len(asks) == MaxAsks {
			break
		}
		asks = append(asks, p.ask(now, s))
	}
	for _, s := range p.streams {
		if next.IsZero() || s.askAt.Before(next) {
			next = s.askAt
		}
	}
	if !next.IsZero() && next.Before(now.Add(AskFirst)) && len(asks) == MaxAsks {
		next = now.Add(AskFirst) // the rest of those that are due
	}
	p.next = next
	return asks, next
}

// ask returns an ask about all streams that have the groups and the publisher of one.
func (p *Pending) ask(now time.Time, of *stream) Question {
	p.asks++
	a := Question{Groups: of.groups, Ask: logproto.Ask{Publisher: of.origin.Publisher, Number: p.asks}}
	var list []*stream
	for _, s := range p.streams {
		if s.where == of.where && s.origin.Publisher == of.origin.Publisher {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b *stream) int {
		return cmp.Or(cmp.Compare(a.origin.Epoch, b.origin.Epoch), cmp.Compare(a.origin.Stream, b.origin.Stream))
	})
	for _, s := range list[:min(len(list), logproto.MaxEpochs)] {
		if n := len(a.Epochs); n == 0 || a.Epochs[n-1].Epoch != s.origin.Epoch {
			a.Epochs = append(a.Epochs, logproto.Epoch{Epoch: s.origin.Epoch})
		}
		e := &a.Epochs[len(a.Epochs)-1]
		e.Streams = append(e.Streams, logproto.Stream{Stream: s.origin.Stream, Kept: s.kept(), Next: s.next})
		s.askAt = now.Add(s.pause)
		s.pause = min(2*s.pause, AskLast)
	}
	return a
}
