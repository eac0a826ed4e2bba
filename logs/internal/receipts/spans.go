package receipts

import "github.com/spreadd/spreadd/internal/envelope"

// All lists of spans here ascend, and their spans lie apart from each other.

// subtract returns the numbers of a that are not in b. It changes neither.
func subtract(a, b []envelope.Span) []envelope.Span {
	if len(b) == 0 {
		return a
	}
	var rest []envelope.Span
	for _, s := range a {
		for len(b) > 0 && b[0].Last < s.First {
			b = b[1:]
		}
		first, over := s.First, false
		for _, t := range b {
			if t.First > s.Last {
				break
			}
			if t.First > first {
				rest = append(rest, envelope.Span{First: first, Last: t.First - 1})
			}
			if over = t.Last >= s.Last; over {
				break
			}
			first = t.Last + 1
		}
		if !over {
			rest = append(rest, envelope.Span{First: first, Last: s.Last})
		}
	}
	return rest
}

// union returns the numbers of a and of b.
func union(a, b []envelope.Span) []envelope.Span {
	all := append([]envelope.Span(nil), a...)
	for _, s := range b {
		all = join(all, s)
	}
	return all
}

// join adds a span, and may change the list.
func join(list []envelope.Span, s envelope.Span) []envelope.Span {
	out := make([]envelope.Span, 0, len(list)+1)
	i := 0
	for ; i < len(list) && s.First > 0 && list[i].Last < s.First-1; i++ {
		out = append(out, list[i])
	}
	for ; i < len(list) && (s.Last == 1<<64-1 || list[i].First <= s.Last+1); i++ {
		s = envelope.Span{First: min(s.First, list[i].First), Last: max(s.Last, list[i].Last)}
	}
	return append(append(out, s), list[i:]...)
}

// count returns how many numbers there are.
func count(list []envelope.Span) (n uint64) {
	for _, s := range list {
		n += s.Last - s.First + 1
	}
	return n
}

// clip returns the numbers from first to last.
func clip(list []envelope.Span, first, last uint64) (out []envelope.Span) {
	for _, s := range list {
		if s.Last >= first && s.First <= last {
			out = append(out, envelope.Span{First: max(s.First, first), Last: min(s.Last, last)})
		}
	}
	return out
}

// Subtract returns the numbers of list that are not in a span.
func Subtract(list []envelope.Span, s envelope.Span) []envelope.Span {
	return subtract(list, []envelope.Span{s})
}

// Intersect returns the numbers that are in both.
func Intersect(a, b []envelope.Span) (out []envelope.Span) {
	for _, s := range b {
		out = append(out, clip(a, s.First, s.Last)...)
	}
	return out
}

// maxSet is how many spans a Set has at most.
const maxSet = 4096

// Set is a set of numbers. When it would have too many spans, it takes in numbers between them.
type Set struct{ spans []envelope.Span }

// Add adds the numbers of a span.
func (s *Set) Add(sp envelope.Span) {
	if last := len(s.spans) - 1; last >= 0 && s.spans[last].Last+1 == sp.First {
		s.spans[last].Last = sp.Last
		return
	}
	s.spans = join(s.spans, sp)
	if n := len(s.spans); n > maxSet {
		s.spans = append([]envelope.Span{{First: s.spans[0].First, Last: s.spans[n/2].Last}}, s.spans[n/2+1:]...)
	}
}

// Remove takes the numbers of a span out.
func (s *Set) Remove(sp envelope.Span) { s.spans = Subtract(s.spans, sp) }

// Has reports whether a number is in the set.
func (s *Set) Has(seq uint64) bool { return len(clip(s.spans, seq, seq)) > 0 }

// Clip returns the numbers that are in a span, too.
func (s *Set) Clip(sp envelope.Span) []envelope.Span { return clip(s.spans, sp.First, sp.Last) }

// Empty reports whether there are no numbers.
func (s *Set) Empty() bool { return len(s.spans) == 0 }
