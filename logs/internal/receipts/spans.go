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
		first, over := s.First, false
		for _, t := range b {
			if t.Last < first || t.First > s.Last {
				continue
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

// clip returns the numbers from first to last.
func clip(list []envelope.Span, first, last uint64) (out []envelope.Span) {
	for _, s := range list {
		if s.Last >= first && s.First <= last {
			out = append(out, envelope.Span{First: max(s.First, first), Last: min(s.Last, last)})
		}
	}
	return out
}
