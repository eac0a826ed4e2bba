package logpub

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/receipts"
)

const (
	// maxShelve bounds the blocks that share a record of the shelf.
	maxShelve = 256
	// shelveAfter is how long blocks that nobody writes may wait for others to share a record with.
	shelveAfter = 250 * time.Millisecond
	// maxUnshelve bounds the records that come back from the shelf at a time.
	maxUnshelve = 64
	// sharePart of the spool, one of so many, is what lines on the shelf leave to others before the list of groups that has the
	// most of them loses lines; a half of that before all of them do.
	sharePart = 4
)

// shelve puts blocks that nobody writes on the shelf, so that those of others leave the spool, and so that these cost no memory.
func (s *sender) shelve(now time.Time) {
	s.book.mu.Lock()
	ids := s.book.pending.ToShelve(now, maxShelve)
	s.book.mu.Unlock()
	if len(ids) == 0 || len(ids) < maxShelve && now.Sub(s.shelved) < shelveAfter {
		return
	}
	s.shelved = now
	for len(ids) > 0 {
		rest, from := s.collect(ids)
		if len(from) == 0 {
			return // sendAgain and Forget deal with that
		}
		var on uint64
		if rest.Lines > 0 {
			var err error
			if on, err = s.p.queue.Shelf().Put(rest); err != nil {
				return // retried soon; the spool reports its failures
			}
		}
		s.book.mu.Lock()
		for i := range from {
			s.book.pending.Shelve(now, from[i].id, from[i].parts)
		}
		s.book.mu.Unlock()
		s.moves = append(s.moves, move{from: from, to: on, shelf: true, lines: rest.Lines})
		ids = ids[len(from):]
	}
}

// partsOf returns the lines of a block by run.
func partsOf(b *queue.Block) (parts []receipts.Part) {
	for i := range b.Runs {
		r := &b.Runs[i]
		parts = append(parts, receipts.Part{Origin: origin(b, r.To), First: r.Seq, Lines: r.Lines, Bytes: r.Bytes})
	}
	return parts
}

// unshelve takes the oldest blocks of the shelf, if lines on it are written again or have to make room: those are put into the queue,
// or dropped, and the others on the shelf again.
func (s *sender) unshelve(now time.Time) {
	for range maxUnshelve {
		s.book.mu.Lock()
		wanted := s.book.pending.Wanted(now)
		s.book.mu.Unlock()
		s.fruitless = s.fruitless && wanted // what is wanted only now may have been passed over in this round
		if !wanted && s.victim == "" || s.p.queue.Busy() {
			return
		}
		b, err := s.p.queue.Shelf().Next()
		if errors.Is(err, io.EOF) && wanted && s.fruitless {
			s.book.mu.Lock()
			s.book.pending.ShelfEnds(now) // the disk has lost them
			s.book.mu.Unlock()
		}
		s.fruitless = s.fruitless || err != nil
		if err != nil || !s.unshelveBlock(now, b) {
			return
		}
	}
}

// unshelveBlock passes the lines of a block of the shelf on. It returns false if there is no room.
func (s *sender) unshelveBlock(now time.Time, b *queue.Block) bool {
	shelf := s.p.queue.Shelf()
	var back, stay, dropped, rest queue.Block
	back.Origin, stay.Origin, dropped.Origin, rest.Origin = b.Origin, b.Origin, b.Origin, b.Origin
	s.book.mu.Lock()
	text := b.Data
	for i := range b.Runs {
		r := &b.Runs[i]
		to := &stay
		switch {
		case s.book.pending.IsWanted(now, origin(b, r.To)):
			to = &back
		case s.victim != "" && strings.Join(r.To.Groups, " ") == s.victim:
			to = &dropped
		}
		appendRun(to, r, text[:r.Bytes])
		if to != &stay {
			appendRun(&rest, r, text[:r.Bytes])
		}
		text = text[r.Bytes:]
	}
	s.book.mu.Unlock()
	if stay.Lines > 0 && shelf.PutAgain(&stay, &rest) != nil {
		return false // the spool reports its failures
	}
	block, ok := s.putBack(now, &back)
	if !ok {
		return false
	}
	shelf.Gave(block)
	if dropped.Lines > 0 {
		s.book.mu.Lock()
		s.book.pending.Unshelve(now, partsOf(&dropped), 0)
		s.book.mu.Unlock()
		s.p.dropShare(s.victim, dropped.Lines, len(dropped.Data))
		s.share()
	}
	return true
}

// appendRun appends the lines of a run to a block.
func appendRun(b *queue.Block, r *queue.Run, text []byte) {
	b.Data, b.Runs, b.Lines = append(b.Data, text...), append(b.Runs, *r), b.Lines+r.Lines
}

// putBack puts lines of the shelf into the queue, and returns their block; 0 for no lines. It returns false if there is no room.
func (s *sender) putBack(now time.Time, back *queue.Block) (block uint64, ok bool) {
	if back.Lines == 0 {
		return 0, true
	}
	s.fruitless = false
	s.book.mu.Lock() // before the block can be sent
	defer s.book.mu.Unlock()
	if block, ok = s.p.queue.PutBlock(back); !ok {
		return 0, false
	}
	if s.book.back == nil {
		s.book.back = make(map[uint64]bool)
	}
	s.book.back[block] = true
	s.book.pending.Unshelve(now, partsOf(back), block)
	return block, true
}

// share decides whose lines are lost, or wait in their files, because the lines on the shelf have their part of the spool: those of
// the list of groups that has the most, so that others go on.
func (s *sender) share() {
	p := s.p
	_, size := p.queue.Shelf().Waiting()
	limit := p.cfg.SpoolBytes / sharePart * (sharePart - 1)
	s.victim = ""
	if size < limit {
		s.refuse(nil)
		return
	}
	s.book.mu.Lock()
	list := s.book.pending.Shelves()
	s.book.mu.Unlock()
	if len(list) == 0 {
		s.refuse(nil)
		return
	}
	if p.cfg.Policy == DropOldest {
		s.victim = strings.Join(list[0].Groups, " ")
	}
	if size < limit+p.cfg.SpoolBytes/sharePart/2 {
		list = list[:1]
	}
	refused := make(map[string]bool)
	for i := range list {
		refused[strings.Join(list[i].Groups, " ")] = true
	}
	s.refuse(refused)
}

// refuse sets the lists of groups that have more than their share.
func (s *sender) refuse(lists map[string]bool) {
	before := s.p.full.Load()
	if len(lists) == 0 && before == nil {
		return
	}
	for name := range lists {
		if before == nil || !(*before)[name] {
			s.p.cfg.Log.Warn("no log host acknowledges the lines of these groups, and they have their share of the spool; further lines wait in files or are dropped",
				slog.String("groups", name), slog.Int64("spool_bytes", s.p.cfg.SpoolBytes))
		}
	}
	if len(lists) == 0 {
		s.p.cfg.Log.Info("groups without log hosts have room in the spool again")
		s.p.full.Store(nil)
		return
	}
	s.p.full.Store(&lists)
}

// overShare reports whether the groups of a destination have more than their share of the spool.
func (p *Publisher) overShare(to *destination) bool {
	full := p.full.Load()
	return full != nil && (*full)[to.name]
}

// dropShare counts lines of groups that had more than their share.
func (p *Publisher) dropShare(groups string, lines, bytes int) {
	p.counted(groups).dropped.Add(int64(lines))
	p.queue.DropShare(lines, bytes)
}
