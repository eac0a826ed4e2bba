package logpub

import (
	"context"
	"log/slog"
	"time"

	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/receipts"
)

const (
	// tidyInterval is how often the sender looks for lines to move.
	tidyInterval = 50 * time.Millisecond
	// maxMoves bounds the blocks that are being moved in memory.
	maxMoves = 64
	// maxMoved bounds the bytes of lines that are moved into one block, so that it fits into the spool however short they are.
	maxMoved = 1 << 20
)

// move takes lines that nobody writes out of blocks: onto the shelf or, without a spool, into a block behind all others. They keep
// their names.
type move struct {
	from  []moved
	to    uint64 // the block or the record of the shelf that has them now
	shelf bool
	lines int // on the shelf
}

// moved is a block whose lines were moved.
type moved struct {
	id           uint64
	lines, bytes int // that were not moved, because they are delivered
	parts        []receipts.Part
}

// tidy moves lines that nobody writes, so that they do not hold up others. With a spool it leaves that to tidyUntil.
func (s *sender) tidy(now time.Time) {
	switch {
	case now.Sub(s.tidied) < tidyInterval:
		return
	case s.p.cfg.Spool == "":
		s.moveBehind()
	default:
		select {
		case s.tidies <- struct{}{}:
		default:
		}
	}
	s.tidied = now
}

// tidyUntil moves lines between queue and shelf when that is due, until ctx ends.
func (s *sender) tidyUntil(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.tidies:
		}
		now := time.Now()
		s.endMoves()
		s.shelve(now)
		s.share()
		s.unshelve(now)
	}
}

// moveBehind moves lines that nobody writes behind all others in memory.
func (s *sender) moveBehind() {
	s.endMoves()
	if len(s.moves) > 0 {
		return
	}
	s.book.mu.Lock()
	ids := s.book.pending.Partial(maxMoves)
	s.book.mu.Unlock()
	rest, from := s.collect(ids)
	if rest.Lines == 0 {
		return
	}
	if to, ok := s.p.queue.PutBlock(rest); ok {
		if s.movedTo == nil {
			s.movedTo = make(map[uint64]bool)
		}
		s.movedTo[to] = true
		s.moves = append(s.moves, move{from: from, to: to})
	}
}

// collect returns the lines of blocks that are not acknowledged as one block, and which blocks these are: the first of ids, as far as
// their lines may share a block.
func (s *sender) collect(ids []uint64) (rest *queue.Block, from []moved) {
	rest = &queue.Block{}
	for _, id := range ids {
		b, err := s.p.queue.TakeAgain(id, &s.reader)
		if err != nil || b == nil {
			break // sendAgain and Forget deal with that
		}
		if len(from) > 0 && (b.Origin != rest.Origin || len(rest.Data)+len(b.Data) > min(maxMoved, s.p.cfg.QueueBytes/4)) {
			s.p.queue.LetGo(b)
			break
		}
		lines, bytes, runs := rest.Lines, len(rest.Data), len(rest.Runs)
		s.appendUnwritten(rest, b)
		m := moved{id: id, lines: b.Lines - (rest.Lines - lines), bytes: len(b.Data) - (len(rest.Data) - bytes)}
		m.parts = partsOf(&queue.Block{Origin: rest.Origin, Runs: rest.Runs[runs:]})
		from = append(from, m)
		s.p.queue.LetGo(b)
	}
	return rest, from
}

// appendUnwritten appends the lines of a block that are not acknowledged to another.
func (s *sender) appendUnwritten(to, b *queue.Block) {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	to.Origin = b.Origin
	text := b.Data
	for i := range b.Runs {
		r := b.Runs[i]
		rest, at := text[:r.Bytes], r.Seq
		for _, sp := range s.book.pending.Unacknowledged(b.ID(), &receipts.Piece{Origin: origin(b, r.To), First: r.Seq, Lines: r.Lines}) {
			rest = rest[linesLen(rest, sp.First-at):]
			n := linesLen(rest, sp.Last-sp.First+1)
			to.Data = append(to.Data, rest[:n]...)
			to.Runs = append(to.Runs, queue.Run{Bytes: n, Lines: int(sp.Last - sp.First + 1), To: r.To, Seq: sp.First, Kept: r.Kept})
			to.Lines += int(sp.Last - sp.First + 1)
			rest, at = rest[n:], sp.Last+1
		}
		text = text[r.Bytes:]
	}
}

// endMoves lets the blocks go whose lines are safe elsewhere. Otherwise a power cut could take both. A block that has them has to be
// taken, too: until then only the former say that their lines can still be sent.
func (s *sender) endMoves() {
	q := s.p.queue
	if err := q.Shelf().Settle(); err != nil {
		s.p.cfg.Log.Error("cannot remove lines from the spool; some may be sent again after a restart", slog.Any("error", err))
	}
	for len(s.moves) > 0 {
		m := &s.moves[0]
		if m.shelf && !q.Shelf().Safe(m.to) || !m.shelf && !q.Took(m.to) {
			if q.Busy() {
				q.SyncSoon()
			}
			return
		}
		for _, f := range m.from {
			q.Pass(f.id, f.lines, f.bytes)
			s.book.mu.Lock()
			s.book.pending.Drop(f.id)
			s.book.mu.Unlock()
		}
		if m.shelf {
			q.Shelf().Moved(m.lines)
		}
		s.moves = s.moves[1:]
	}
}

// isMoved reports, once, whether the lines of a block were sent as those of others.
func (s *sender) isMoved(id uint64) bool {
	is := s.movedTo[id]
	delete(s.movedTo, id)
	return is
}
