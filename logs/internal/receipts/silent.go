package receipts

import (
	"cmp"
	"slices"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
)

const (
	// retryFirst is how long after a stream became silent its lines come back from the shelf, if log hosts answer. The pause
	// doubles up to retryLast while they answer and write nothing.
	retryFirst = time.Second
	retryLast  = time.Minute
)

// shelved is what a stream has on the shelf: lines that are not done, of which the publisher remembers no more than this.
type shelved struct {
	lines    uint64
	bytes    int64
	first    uint64 // no line has a lower number
	answers  []answer
	retryAt  time.Time
	retry    time.Duration
	tryUntil time.Time // until then, what came back stays
}

// returned is lines that have left the shelf and wait in a block of the queue. The publisher can still send them.
type returned struct {
	block, first, lines uint64
}

// answer is when a log host answered an ask about a stream.
type answer struct {
	host string
	at   time.Time
}

// Part is lines of one stream.
type Part struct {
	envelope.Origin
	First uint64
	Lines int
	Bytes int
}

// answered notes that a log host works, or is there at least.
func (s *stream) answered(now time.Time, host string) {
	if !s.silent {
		s.shelf.answers = nil
		return
	}
	s.shelf.answers = slices.DeleteFunc(s.shelf.answers, func(a answer) bool { return a.host == host || now.Sub(a.at) >= SilentAfter })
	s.shelf.answers = append(s.shelf.answers, answer{host, now})
}

// wanted reports whether lines of a stream should come back from the shelf: it is written again, or enough log hosts
// answer, so that it is worth a try.
func (p *Pending) wanted(now time.Time, s *stream) bool {
	if s.shelf.lines == 0 || !s.silent {
		return s.shelf.lines > 0
	}
	n := 0
	for _, a := range s.shelf.answers {
		if now.Sub(a.at) < SilentAfter {
			n++
		}
	}
	return n >= p.need && !now.Before(s.shelf.retryAt) && !now.Before(s.shelf.tryUntil)
}

// Wanted reports whether any lines should come back from the shelf.
func (p *Pending) Wanted(now time.Time) bool {
	if p.onShelf == 0 {
		return false
	}
	for _, s := range p.streams {
		if p.wanted(now, s) {
			return true
		}
	}
	return false
}

// IsWanted reports whether lines of a stream should come back from the shelf.
func (p *Pending) IsWanted(now time.Time, o envelope.Origin) bool {
	s := p.streams[o]
	return s == nil || s.shelf.lines == 0 || p.wanted(now, s)
}

// ToShelve returns up to n blocks, the lowest first, of which all lines that are not done are in silent streams.
func (p *Pending) ToShelve(now time.Time, n int) (ids []uint64) {
	if len(p.blocks) == p.loud {
		return nil
	}
	for id, b := range p.blocks {
		if b.loud == 0 && !slices.ContainsFunc(b.pieces, func(q *piece) bool {
			return q.block != nil && now.Before(q.stream.shelf.tryUntil)
		}) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids[:min(n, len(ids))]
}

// Shelve notes that the lines of a block that are not done are on the shelf, and forgets the block.
func (p *Pending) Shelve(now time.Time, id uint64, parts []Part) {
	for i := range parts {
		pt := &parts[i]
		s := p.streams[pt.Origin]
		if s == nil {
			continue // cannot be: the block has lines of it
		}
		if s.shelf.lines == 0 {
			p.onShelf++
			s.shelf.first = pt.First
			s.shelf.retry = max(s.shelf.retry, retryFirst)
			s.shelf.retryAt = now.Add(s.shelf.retry)
		}
		s.shelf.first = min(s.shelf.first, pt.First)
		s.shelf.lines += uint64(pt.Lines)
		s.shelf.bytes += int64(pt.Bytes)
	}
	p.Drop(id)
}

// Unshelve notes that lines have left the shelf: they are in a block that is sent soon, or lost, if block is 0.
func (p *Pending) Unshelve(now time.Time, parts []Part, block uint64) {
	for i := range parts {
		pt := &parts[i]
		s := p.streams[pt.Origin]
		if s == nil || s.shelf.lines == 0 {
			continue
		}
		if block > 0 {
			s.back = append(s.back, returned{block, pt.First, uint64(pt.Lines)})
		}
		sh := &s.shelf
		sh.lines -= min(sh.lines, uint64(pt.Lines))
		sh.bytes -= min(sh.bytes, int64(pt.Bytes))
		if sh.first == pt.First {
			sh.first += uint64(pt.Lines)
		}
		if s.silent && !now.Before(sh.tryUntil) {
			sh.tryUntil = now.Add(SilentAfter)
			sh.retry = min(max(2*sh.retry, retryFirst), retryLast)
			sh.retryAt = now.Add(sh.retry)
		}
		if sh.lines == 0 {
			p.offShelf(s)
		}
	}
}

// ShelfEnds notes that no line of the streams that are wanted is left on the shelf: what was is lost.
func (p *Pending) ShelfEnds(now time.Time) {
	for _, s := range p.streams {
		if p.wanted(now, s) {
			s.shelf.lines, s.shelf.bytes = 0, 0
			p.offShelf(s)
		}
	}
}

func (p *Pending) offShelf(s *stream) {
	p.onShelf--
	p.tidy(s)
}

// Shelves returns how many bytes each list of groups has on the shelf of streams that are still silent,
// the most first.
func (p *Pending) Shelves() []Silent {
	list := p.silentLists(func(s *stream, to *Silent) {
		to.Lines += s.shelf.lines
		to.Bytes += s.shelf.bytes
	})
	list = slices.DeleteFunc(list, func(l Silent) bool { return l.Lines == 0 })
	slices.SortStableFunc(list, func(a, b Silent) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return list
}

// setSilent notes whether a stream is silent.
func (p *Pending) setSilent(s *stream, silent bool) {
	if s.silent == silent {
		return
	}
	s.silent = silent
	if silent {
		p.silent++
	} else {
		p.silent--
	}
	for _, q := range s.pieces {
		b := q.block
		if silent {
			if b.loud--; b.loud == 0 {
				p.loud--
			}
		} else if b.loud++; b.loud == 1 {
			p.loud++
		}
	}
}

// Silent are lines that too few log hosts acknowledge.
type Silent struct {
	Groups []string
	Lines  uint64
	Bytes  int64 // only of Shelves
}

// Silent returns the lists of groups that are silent.
func (p *Pending) Silent() []Silent {
	return p.silentLists(func(s *stream, to *Silent) {
		to.Lines += s.shelf.lines
		for _, q := range s.pieces {
			to.Lines += q.left
		}
		for _, r := range s.back {
			to.Lines += r.lines
		}
	})
}

// OnShelf returns how many lines each list of groups has on the shelf, by its text with spaces between.
func (p *Pending) OnShelf() map[string]int64 {
	if p.onShelf == 0 {
		return nil
	}
	lines := make(map[string]int64)
	for _, s := range p.streams {
		if s.shelf.lines > 0 {
			lines[s.where] += int64(s.shelf.lines)
		}
	}
	return lines
}

// silentLists returns the lists of groups that are silent, by name, to each of which add has added its streams.
func (p *Pending) silentLists(add func(s *stream, to *Silent)) []Silent {
	byWhere := make(map[string]*Silent)
	for _, s := range p.streams {
		if !s.silent {
			continue
		}
		to := byWhere[s.where]
		if to == nil {
			to = &Silent{Groups: s.groups}
			byWhere[s.where] = to
		}
		add(s, to)
	}
	list := make([]Silent, 0, len(byWhere))
	for _, to := range byWhere {
		list = append(list, *to)
	}
	slices.SortFunc(list, func(a, b Silent) int { return slices.Compare(a.Groups, b.Groups) })
	return list
}

// SilentGroups returns the lists of groups that are silent, as texts with spaces between.
func (p *Pending) SilentGroups() map[string]bool {
	if p.silent == 0 {
		return nil
	}
	all := make(map[string]bool)
	for _, s := range p.streams {
		if s.silent {
			all[s.where] = true
		}
	}
	return all
}

// Partial returns up to n blocks, the lowest first, of which some lines are done and the others are in silent streams.
func (p *Pending) Partial(n int) (ids []uint64) {
	if p.silent == 0 {
		return nil
	}
	for id, b := range p.blocks {
		if b.loud == 0 && slices.ContainsFunc(b.pieces, func(q *piece) bool { return q.block == nil || len(q.by) > 0 && p.need == 1 }) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids[:min(n, len(ids))]
}

// Forget forgets the blocks up to an ID, which no longer exist.
func (p *Pending) Forget(upTo uint64) {
	for id := range p.blocks {
		if id <= upTo {
			p.Drop(id)
		}
	}
	for _, s := range p.streams {
		if len(s.back) > 0 {
			s.back = slices.DeleteFunc(s.back, func(r returned) bool { return r.block <= upTo })
			p.tidy(s)
		}
	}
}

// Quiet reports whether nothing that was sent can be expected to be acknowledged soon.
func (p *Pending) Quiet(now time.Time) bool {
	return p.loud == 0 && len(p.again) == 0 && now.Sub(p.resent) >= AskLast && !p.Wanted(now)
}
