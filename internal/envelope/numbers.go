package envelope

import "slices"

// Span is a row of numbers, both ends included.
type Span struct{ First, Last uint64 }

// MaxSpans bounds the memory of Numbers: beyond it, those that lie lowest are forgotten.
const MaxSpans = 256

// firstSpans is the first capacity of the spans: 64 bytes, a cache line of most processors. The spans
// of two Numbers that different goroutines change then never share one.
const firstSpans = 4

// Numbers are the lines of one stream that have come, as few spans of numbers. The zero value has none. It is
// made for numbers that grow by one, which costs a comparison.
type Numbers struct {
	spans []Span // ascending, with at least one number between two
}

// Add adds a number, and reports whether it was not there before.
func (n *Numbers) Add(seq uint64) bool {
	if i := len(n.spans) - 1; i >= 0 && n.spans[i].Last+1 == seq && seq != 0 {
		n.spans[i].Last = seq
		return true
	}
	if n.Has(seq) {
		return false
	}
	n.AddSpan(Span{seq, seq})
	return true
}

// Has reports whether a number is there.
func (n *Numbers) Has(seq uint64) bool {
	i := n.find(seq)
	return i < len(n.spans) && n.spans[i].First <= seq
}

// find returns the index of the first span that ends at seq or above.
func (n *Numbers) find(seq uint64) int {
	if last := len(n.spans) - 1; last < 0 || n.spans[last].Last < seq {
		return last + 1
	}
	i, _ := slices.BinarySearchFunc(n.spans, seq, func(s Span, seq uint64) int {
		if s.Last < seq {
			return -1
		}
		return 1
	})
	return i
}

// AddSpan adds all numbers of a span, whose First is not above its Last.
func (n *Numbers) AddSpan(s Span) {
	i := 0
	if s.First > 0 {
		i = n.find(s.First - 1) // the first that touches it
	}
	j := i
	for j < len(n.spans) && (s.Last == 1<<64-1 || n.spans[j].First <= s.Last+1) {
		s.First = min(s.First, n.spans[j].First)
		s.Last = max(s.Last, n.spans[j].Last)
		j++
	}
	if n.spans == nil {
		n.spans = make([]Span, 0, firstSpans)
	}
	n.spans = slices.Replace(n.spans, i, j, s)
	if len(n.spans) > MaxSpans {
		n.spans = slices.Delete(n.spans, 0, len(n.spans)-MaxSpans)
	}
}

// Extend adds the next numbers behind the highest one, which there has to be.
func (n *Numbers) Extend(by uint64) { n.spans[len(n.spans)-1].Last += by }

// Remove takes a number out.
func (n *Numbers) Remove(seq uint64) {
	i := n.find(seq)
	if i == len(n.spans) || n.spans[i].First > seq {
		return
	}
	switch s := n.spans[i]; {
	case s.First == s.Last:
		n.spans = slices.Delete(n.spans, i, i+1)
	case s.First == seq:
		n.spans[i].First++
	case s.Last == seq:
		n.spans[i].Last--
	default:
		n.spans[i].First = seq + 1
		n.spans = slices.Insert(n.spans, i, Span{s.First, seq - 1})
	}
}

// Spans returns what there is, ascending. It is not to be changed, and holds until the next change.
func (n *Numbers) Spans() []Span { return n.spans }

// Next returns the number behind the highest; 0 if there is none.
func (n *Numbers) Next() uint64 {
	if len(n.spans) == 0 {
		return 0
	}
	return n.spans[len(n.spans)-1].Last + 1
}
