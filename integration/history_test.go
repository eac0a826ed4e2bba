package integration

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spreadd/spreadd/spread"
)

// ident names a message: the number of its sender's history, and its own.
type ident struct {
	sender int
	seq    uint32
}

// mark is one event at a client: a message, or a view or signal of its group.
type mark struct {
	id      ident
	service spread.Service
	view    *spread.Membership // nil for a message
}

// history is all that one connection did and saw in one group.
type history struct {
	name  string // its private group
	sent  uint32 // it sent the numbers 1 to sent
	ended bool   // it was cut off before the others were done
	marks []mark
}

// ordered reports whether the service has a place in the total order. Reliable
// messages may be delivered ahead of it (ring-protocol §17.1).
func ordered(s spread.Service) bool { return s != spread.Unreliable && s != spread.Reliable }

// stretch is what a client saw from one view to the next, or to its end.
type stretch struct {
	view, next *spread.Membership
	messages   []mark // the ordered ones
	signal     int    // how many of them came before the transitional signal
}

// stretches cuts a history at its views.
func (h *history) stretches() []stretch {
	var all []stretch
	for _, m := range h.marks {
		switch {
		case m.view != nil && m.view.Regular():
			if n := len(all); n > 0 {
				all[n-1].next = m.view
			}
			all = append(all, stretch{view: m.view, signal: -1})
		case len(all) == 0: // nothing may come before the first view; checkOne says so
		case m.view != nil:
			if s := &all[len(all)-1]; s.signal < 0 {
				s.signal = len(s.messages)
			}
		case ordered(m.service):
			s := &all[len(all)-1]
			s.messages = append(s.messages, m)
		}
	}
	for i := range all {
		if all[i].signal < 0 {
			all[i].signal = len(all[i].messages)
		}
	}
	return all
}

// checkHistories holds histories against what groups promise (groups-protocol
// §12, membership-protocol §15). The histories are complete: nothing is under way
// any more. Of each kind of breach it reports the first.
func checkHistories(hs []*history) error {
	var errs []error
	runs := make([][]stretch, len(hs))
	for i, h := range hs {
		errs = append(errs, checkOne(h, i))
		runs[i] = h.stretches()
	}
	errs = append(errs, checkViews(hs, runs))
	for p := range hs {
		places := make(map[ident]int)
		for i, m := range hs[p].marks {
			if m.view == nil && ordered(m.service) {
				places[m.id] = i
			}
		}
		for q := range hs {
			if p != q {
				errs = append(errs, checkOrder(hs[p], places, hs[q]), checkSynchrony(hs[p], runs[p], hs[q], runs[q]))
			}
		}
		errs = append(errs, checkSafe(hs, runs, p))
	}
	return errors.Join(errs...)
}

// checkOne: no duplicates, the order of each sender, its own messages, and no
// view twice.
func checkOne(h *history, self int) error {
	seen := make(map[ident]bool)
	last := make(map[int]uint32)
	views := make(map[spread.GroupID]bool)
	var own uint32
	for i, m := range h.marks {
		if m.view != nil {
			if m.view.Regular() {
				if views[m.view.ID] {
					return fmt.Errorf("%s: mark %d: view %v for the second time", h.name, i, m.view.ID)
				}
				views[m.view.ID] = true
				if !slices.Contains(m.view.Members, h.name) {
					return fmt.Errorf("%s: mark %d: view %v does not have the receiver: %v", h.name, i, m.view.ID, m.view.Members)
				}
			}
			continue
		}
		if len(views) == 0 {
			return fmt.Errorf("%s: mark %d: message %v before the first view", h.name, i, m.id)
		}
		if seen[m.id] {
			return fmt.Errorf("%s: mark %d: message %v for the second time", h.name, i, m.id)
		}
		seen[m.id] = true
		if m.id.sender == self {
			own++
		}
		if ordered(m.service) {
			if l := last[m.id.sender]; l >= m.id.seq {
				return fmt.Errorf("%s: mark %d: message %v after number %d of the same sender", h.name, i, m.id, l)
			}
			last[m.id.sender] = m.id.seq
		}
	}
	if !h.ended && own != h.sent {
		return fmt.Errorf("%s: sent %d messages, got %d of them back", h.name, h.sent, own)
	}
	return nil
}

// checkViews: what has one id is one view, at all members.
func checkViews(hs []*history, runs [][]stretch) error {
	type seen struct {
		view *spread.Membership
		by   string
	}
	first := make(map[spread.GroupID]seen)
	for i, run := range runs {
		for _, s := range run {
			f, ok := first[s.view.ID]
			if !ok {
				first[s.view.ID] = seen{s.view, hs[i].name}
				continue
			}
			if a, b := describe(f.view), describe(s.view); a != b {
				return fmt.Errorf("view %v differs: %s has %s, %s has %s", s.view.ID, f.by, a, hs[i].name, b)
			}
		}
	}
	return nil
}

// describe prints what all members of a view are told alike.
func describe(v *spread.Membership) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %s%v", v.Cause, v.Changed, v.Members)
	for _, s := range v.Sets {
		fmt.Fprint(&b, " set", s.Members)
	}
	return b.String()
}

// checkOrder: q has no two messages in another order than p.
func checkOrder(p *history, places map[ident]int, q *history) error {
	last := mark{}
	at := -1
	for _, m := range q.marks {
		if m.view != nil || !ordered(m.service) {
			continue
		}
		i, ok := places[m.id]
		if !ok {
			continue
		}
		if i < at {
			return fmt.Errorf("order: %s has %v before %v, %s the other way", q.name, last.id, m.id, p.name)
		}
		last, at = m, i
	}
	return nil
}

// checkSynchrony: those who go together from one view to the next got the same
// messages in the first, in the same order.
func checkSynchrony(p *history, runP []stretch, q *history, runQ []stretch) error {
	for _, s := range runP {
		i := slices.IndexFunc(runQ, func(o stretch) bool { return o.view.ID == s.view.ID })
		if s.next == nil {
			if i >= 0 && runQ[i].next == nil && !p.ended && !q.ended {
				if err := sameMessages(p, s, q, runQ[i]); err != nil {
					return err
				}
			}
			continue
		}
		if s.next.Cause == spread.CauseNetwork {
			if !together(s.next, q.name) {
				continue
			}
			if i < 0 {
				return fmt.Errorf("synchrony: %s came from view %v to %v with %s, which never had the first", p.name, s.view.ID, s.next.ID, q.name)
			}
		}
		if i < 0 || runQ[i].next == nil && q.ended {
			continue
		}
		if n := runQ[i].next; n == nil || n.ID != s.next.ID {
			if n != nil && n.Cause == spread.CauseNetwork && s.next.Cause != spread.CauseNetwork {
				continue // q was parted from p before the change
			}
			return fmt.Errorf("synchrony: after view %v %s has %v, %s has %v", s.view.ID, p.name, s.next.ID, q.name, n)
		}
		if err := sameMessages(p, s, q, runQ[i]); err != nil {
			return err
		}
	}
	return nil
}

// together reports whether the view says that name came to it with the receiver.
func together(v *spread.Membership, name string) bool {
	return slices.ContainsFunc(v.Sets, func(s spread.VSSet) bool { return s.Own && slices.Contains(s.Members, name) })
}

func sameMessages(p *history, s stretch, q *history, o stretch) error {
	for i := range max(len(s.messages), len(o.messages)) {
		if i >= len(s.messages) || i >= len(o.messages) || s.messages[i].id != o.messages[i].id {
			return fmt.Errorf("synchrony: in view %v %s has %d messages, %s has %d, which differ from place %d on: %v and %v", s.view.ID,
				p.name, len(s.messages), q.name, len(o.messages), i, from(s.messages, i), from(o.messages, i))
		}
	}
	return nil
}

// from returns the first few messages from a place on.
func from(ms []mark, i int) []ident {
	var ids []ident
	for _, m := range ms[min(i, len(ms)):min(i+3, len(ms))] {
		ids = append(ids, m.id)
	}
	return ids
}

// checkSafe: a safe message that p got in a view before its signal reaches all of
// the view that live on, in that view.
func checkSafe(hs []*history, runs [][]stretch, p int) error {
	for _, s := range runs[p] {
		for q, h := range hs {
			if q == p || h.ended || !slices.Contains(s.view.Members, h.name) {
				continue
			}
			got := make(map[ident]bool)
			for _, o := range runs[q] {
				if o.view.ID == s.view.ID {
					for _, m := range o.messages {
						got[m.id] = true
					}
				}
			}
			for _, m := range s.messages[:s.signal] {
				if m.service == spread.Safe && !got[m.id] {
					return fmt.Errorf("safe: %s got %v in view %v, its member %s did not", hs[p].name, m.id, s.view.ID, h.name)
				}
			}
		}
	}
	return nil
}
