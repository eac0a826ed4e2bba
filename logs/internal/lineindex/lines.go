package lineindex

import (
	"iter"
	"maps"
	mathbits "math/bits"
	"slices"

	"github.com/spreadd/spreadd/internal/envelope"
)

// bits is a set of numbers that are close together, as a bitmap in pages.
type bits map[uint64]*page

const pageNumbers = 4096

type page [pageNumbers / 64]uint64

// add adds a number, and reports whether it is new.
func (b bits) add(n uint64) bool {
	p := b[n/pageNumbers]
	if p == nil {
		p = new(page)
		b[n/pageNumbers] = p
	}
	word, bit := &p[n%pageNumbers/64], uint64(1)<<(n%64)
	isNew := *word&bit == 0
	*word |= bit
	return isNew
}

func (b bits) has(n uint64) bool {
	p := b[n/pageNumbers]
	return p != nil && p[n%pageNumbers/64]&(1<<(n%64)) != 0
}

// spans are the ranges of consecutive numbers in the set, in ascending order.
func (b bits) spans() iter.Seq[envelope.Span] {
	return func(yield func(envelope.Span) bool) {
		var s envelope.Span
		begun := false
		for n := range b.numbers() {
			if begun && n == s.Last+1 {
				s.Last = n
				continue
			}
			if begun && !yield(s) {
				return
			}
			s, begun = envelope.Span{First: n, Last: n}, true
		}
		if begun {
			yield(s)
		}
	}
}

// numbers are those in the set, in ascending order.
func (b bits) numbers() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for _, no := range slices.Sorted(maps.Keys(b)) {
			for i, word := range b[no] {
				for ; word != 0; word &= word - 1 {
					if !yield(no*pageNumbers + uint64(i*64+mathbits.TrailingZeros64(word))) {
						return
					}
				}
			}
		}
	}
}

// lines is a set of lines.
type lines interface{ has(l *Line) bool }

type lineSet map[Name]bits

func (s lineSet) add(l *Line) bool { return s.of(*l.Name).add(l.Seq) }

func (s lineSet) has(l *Line) bool { return s[*l.Name].has(l.Seq) }

func (s lineSet) of(n Name) bits {
	if s[n] == nil {
		s[n] = make(bits)
	}
	return s[n]
}

// exceeds reports whether s contains a line that o lacks.
func (s lineSet) exceeds(o lines) bool {
	for name, b := range s {
		for n := range b.numbers() {
			if !o.has(&Line{Name: &name, Seq: n}) {
				return true
			}
		}
	}
	return false
}

func (s lineSet) addAll(o lineSet) {
	for name, b := range o {
		to := s.of(name)
		for n := range b.numbers() {
			to.add(n)
		}
	}
}

// latest returns the highest number of each stream.
func (s lineSet) latest() map[Name]uint64 {
	m := make(map[Name]uint64, len(s))
	for name, b := range s {
		for sp := range b.spans() {
			m[name] = sp.Last
		}
	}
	return m
}
