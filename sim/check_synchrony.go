package sim

import (
	"slices"

	"github.com/spreadd/spreadd/internal/clock"
)

// checkSynchrony checks M5 of membership-protocol §15: daemons that go together from one
// configuration to the next deliver the same messages in between.
//
// Reliable messages are left out. If one is delivered ahead of a gap that is never filled, its
// maker may not come along, and then the other daemons drop it (ring-protocol §17.3, §22.4).
func checkSynchrony(a *analysis, r *report) {
	for _, id := range a.confs {
		first := make(map[int]*span) // by the index of the first that went the same way
		list := a.byConf[id]
		for i, p := range list {
			if p.next == nil {
				continue
			}
			j := slices.IndexFunc(list, func(q *span) bool { return q.next != nil && q.next.ID == p.next.ID })
			if j == i {
				first[j] = p
				continue
			}
			q := first[j]
			for _, m := range missing(a, p, q) {
				r.add(endOf(q), "%s and %s go from %v to %v, and only %s delivers %v", p.life.Name, q.life.Name, id, p.next.ID, p.life.Name, m)
			}
			for _, m := range missing(a, q, p) {
				r.add(endOf(p), "%s and %s go from %v to %v, and only %s delivers %v", p.life.Name, q.life.Name, id, p.next.ID, q.life.Name, m)
			}
		}
	}
}

// missing returns the messages that one daemon delivered in its span and the other did not.
func missing(a *analysis, p, q *span) (list []*Message) {
	for _, m := range p.data(p.all()) {
		if !a.has(q.life, m) {
			list = append(list, m)
		}
	}
	return list
}

func endOf(s *span) clock.Time {
	for i := range s.life.Stream {
		if s.life.Stream[i].Conf == s.next {
			return s.life.Stream[i].At
		}
	}
	return s.life.Began
}

// checkPrefix checks M7: in a regular configuration all daemons deliver the same sequence, or a
// prefix of it.
func checkPrefix(a *analysis, r *report) {
	for _, id := range a.confs {
		var longest []*Message
		var of *span
		for _, s := range a.byConf[id] {
			list := s.data(s.regular)
			n := min(len(list), len(longest))
			for i := range n {
				if list[i] != longest[i] {
					r.add(endOf(s), "in %v %s delivers %v where %s delivers %v", id, s.life.Name, list[i], of.life.Name, longest[i])
					break
				}
			}
			if len(list) > len(longest) || of == nil {
				longest, of = list, s
			}
		}
	}
}
