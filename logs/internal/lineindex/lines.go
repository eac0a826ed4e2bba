package lineindex

import (
	"maps"
	mathbits "math/bits"
	"slices"

	"github.com/spreadd/spreadd/internal/envelope"
)

// bits is a set of numbers that are close together, as a bitmap.
type bits struct {
	pages map[uint64]*page
	last  *page  // the last one used, and
	no    uint64 // its number
}

const pageNumbers = 4096

type page [pageNumbers / 64]uint64

// add adds a number, and reports whether it is new.
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

// lineSet is a set of lines.
type lineSet struct {
	byName map[Name]*bits
	last   *bits // the last one used, and
	name   *Name // its name
}

func (s *lineSet) of(n *Name, add bool) *bits {
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

func (s *lineSet) add(l *Line) bool { return s.of(l.Name, true).add(l.Seq) }

func (s *lineSet) has(l *Line) bool {
	b := s.of(l.Name, false)
	return b != nil && b.has(l.Seq)
}

// spans calls use with each range of consecutive numbers in the set, in ascending order.
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

// gaps calls use with each range of numbers that are missing between the lowest and the highest of
// the set.
func (b *bits) gaps(use func(envelope.Span)) {
	var last *uint64
	b.spans(func(s envelope.Span) {
		if last != nil {
			use(envelope.Span{First: *last + 1, Last: s.First - 1})
		}
		last = &s.Last
	})
}

// exceeds reports whether s contains a line that o lacks.
func (s *lineSet) exceeds(o *lineSet) bool {
	for n, b := range s.byName {
		other := o.byName[n]
		if other == nil {
			return true
		}
		for no, p := range b.pages {
			q := other.pages[no]
			for i := range p {
				if q == nil && p[i] != 0 || q != nil && p[i]&^q[i] != 0 {
					return true
				}
			}
		}
	}
	return false
}

// addAll adds the lines of o.
func (s *lineSet) addAll(o *lineSet) {
	for n, b := range o.byName {
		to := s.of(&n, true)
		for no, p := range b.pages {
			for i, word := range p {
				for ; word != 0; word &= word - 1 {
					to.add(no*pageNumbers + uint64(i*64+mathbits.TrailingZeros64(word)))
				}
			}
		}
	}
}
