package lineindex

import (
	"maps"
	"slices"

	"github.com/spreadd/spreadd/logs/internal/envelope"
)

// bits is a set of numbers that lie close together, a bit for each.
type bits struct {
	pages map[uint64]*page
	last  *page // that of lastNo
	no    uint64
}

const pageNumbers = 4096

type page [pageNumbers / 64]uint64

// add adds a number, and reports whether it was not there before.
func (b *bits) add(n uint64) bool {
	p := b.page(n / pageNumbers)
	if p == nil {
		if b.pages == nil {
			b.pages = make(map[uint64]*page)
		}
		p = new(page)
		b.pages[n/pageNumbers] = p
		b.last, b.no = p, n/pageNumbers
	}
	word, bit := &p[n%pageNumbers/64], uint64(1)<<(n%64)
	isNew := *word&bit == 0
	*word |= bit
	return isNew
}

func (b *bits) has(n uint64) bool {
	p := b.page(n / pageNumbers)
	return p != nil && p[n%pageNumbers/64]&(1<<(n%64)) != 0
}

func (b *bits) page(no uint64) *page {
	if b.last != nil && b.no == no {
		return b.last
	}
	p := b.pages[no]
	if p != nil {
		b.last, b.no = p, no
	}
	return p
}

// names is a set of lines.
type names struct {
	byName map[Name]*bits
	last   *bits
	name   *Name
}

func (s *names) of(n *Name, add bool) *bits {
	if s.name == n && s.last != nil {
		return s.last
	}
	b := s.byName[*n]
	if b == nil {
		if !add {
			return nil
		}
		if s.byName == nil {
			s.byName = make(map[Name]*bits)
		}
		b = &bits{}
		s.byName[*n] = b
	}
	s.name, s.last = n, b
	return b
}

func (s *names) add(l *Line) bool { return s.of(l.Name, true).add(l.Seq) }

func (s *names) has(l *Line) bool {
	b := s.of(l.Name, false)
	return b != nil && b.has(l.Seq)
}

// spans calls use with each row of numbers that are there, ascending.
func (b *bits) spans(use func(envelope.Span)) {
	var s envelope.Span
	begun := false
	for _, no := range slices.Sorted(maps.Keys(b.pages)) {
		p := b.pages[no]
		for i := range uint64(pageNumbers) {
			if p[i/64]&(1<<(i%64)) == 0 {
				continue
			}
			n := no*pageNumbers + i
			if begun && n == s.Last+1 {
				s.Last = n
				continue
			}
			if begun {
				use(s)
			}
			s, begun = envelope.Span{First: n, Last: n}, true
		}
	}
	if begun {
		use(s)
	}
}

// gaps calls use with each row of numbers that are not there, between the lowest and the highest that are.
func (b *bits) gaps(use func(envelope.Span)) {
	var last *uint64
	b.spans(func(s envelope.Span) {
		if last != nil {
			use(envelope.Span{First: *last + 1, Last: s.First - 1})
		}
		last = &s.Last
	})
}
