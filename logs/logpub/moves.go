package logpub

import (
	"time"

	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/receipts"
)

const (
	// tidyInterval is how often the sender looks for lines to move.
	tidyInterval = 50 * time.Millisecond
	// maxMoves bounds the blocks that are being moved.
	maxMoves = 64
	// maxMoved bounds the bytes of lines that are moved into one block, so that it fits into the spool however short they are.
	maxMoved = 1 << 20
	// minStranded is how many settled lines may stay in the spool behind one that nobody writes.
	minStranded = 5000
)

// move puts lines that nobody writes behind all others, so that these can leave the spool. They keep their names.
type move struct {
	from []moved
	to   uint64 // the block that has them now
}

// moved is a block whose lines were moved.
type moved struct {
	id           uint64
	lines, bytes int // that were not moved, because they are delivered
}

// tidy moves lines that nobody writes, if they hold up others. It costs at most one write for each line that leaves the spool.
func (s *sender) tidy(now time.Time) {
	if now.Sub(s.tidied) < tidyInterval {
		return
	}
	s.tidied = now
	s.endMoves()
	if len(s.moves) > 0 {
		return
	}
	q := s.p.queue
	s.book.mu.Lock()
	ids := s.book.pending.Partial(maxMoves)
	if len(ids) == 0 && s.book.pending.AnySilent() {
		if first, open, stranded := q.Stranded(); stranded > max(minStranded, open) && s.book.pending.IsSilent(first) {
			ids = append(ids, first)
		}
	}
	s.book.mu.Unlock()
	var rest queue.Block
	var m move
	for _, id := range ids {
		b, err := q.TakeAgain(id)
		if err != nil || b == nil {
			break // sendAgain and Forget deal with that
		}
		if len(m.from) > 0 && b.Origin != rest.Origin || len(rest.Data)+len(b.Data) > min(maxMoved, s.p.cfg.QueueBytes/4) && len(m.from) > 0 {
			q.LetGo(b)
			break
		}
		lines, bytes := rest.Lines, len(rest.Data)
		s.appendUnwritten(&rest, b)
		m.from = append(m.from, moved{id, b.Lines - (rest.Lines - lines), len(b.Data) - (len(rest.Data) - bytes)})
		q.LetGo(b)
	}
	if rest.Lines == 0 {
		return
	}
	if to, ok := q.PutBlock(&rest); ok {
		m.to = to
		if s.movedTo == nil {
			s.movedTo = make(map[uint64]bool)
		}
		s.movedTo[to] = true
		s.moves = append(s.moves, m)
	}
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

// endMoves lets the blocks go whose lines are durable in others. Otherwise a power cut could take both. The others have to be taken,
// too: until then only the former say that their lines can still be sent.
func (s *sender) endMoves() {
	q := s.p.queue
	for len(s.moves) > 0 && q.Took(s.moves[0].to) && s.durable(s.moves[0].to) {
		for _, f := range s.moves[0].from {
			q.Pass(f.id, f.lines, f.bytes)
			s.book.mu.Lock()
			s.book.pending.Drop(f.id)
			s.book.mu.Unlock()
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

// durable reports whether the lines up to a block would survive a power cut, if there is a spool. It does not wait for the next sync:
// blocks may be sent faster than so many of them could be moved at a time.
func (s *sender) durable(id uint64) bool {
	q := s.p.queue
	if s.p.cfg.Spool == "" {
		return true
	}
	if q.Safe() >= id && q.Durable() < id {
		q.Sync()
	}
	return q.Durable() >= id
}
