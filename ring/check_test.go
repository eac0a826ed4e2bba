package ring

import "fmt"

// check checks the invariants of the state between steps (ring-protocol §11; membership-protocol
// §15 S1, S2).
func (r *Ring) check() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s; %v, level %v, highest %d, myAru %d, aru %d, delivered %d, discarded %d",
			fmt.Sprintf(format, args...), r.state, r.level, r.seq.highest, r.seq.myAru, r.seq.aru, r.seq.lastDelivered, r.seq.lastDiscarded)
	}
	committed := r.state == Recovering && r.recovery.committed
	switch {
	case r.seq.lastDiscarded > r.seq.lastDelivered:
		return fail("more is forgotten than delivered")
	case !committed && r.seq.lastDelivered > r.seq.myAru && r.state == Operational:
		return fail("more is delivered than here")
	case !committed && r.seq.myAru > r.seq.highest:
		return fail("more is here than exists")
	case r.seq.aru > r.seq.myAru:
		return fail("others have what is not here")
	case r.state == Operational && r.seq.aru != r.seq.lastDiscarded:
		return fail("stable packets are not forgotten")
	}
	count := 0
	for i := range r.table.slots {
		s := &r.table.slots[i]
		if s.state == empty {
			if s.body.Block != nil {
				return fail("an empty slot holds a block")
			}
			continue
		}
		count++
		switch {
		case s.seq <= r.seq.lastDiscarded || s.seq > r.seq.highest:
			return fail("the table has packet %d", s.seq)
		case r.table.find(s.seq) != s:
			return fail("packet %d is in another's slot", s.seq)
		case s.state == hole && r.state != Recovering:
			return fail("%d is a hole outside recovery", s.seq)
		case s.state == hole && s.body.Block != nil:
			return fail("hole %d has a body", s.seq)
		case s.state != hole && (s.body.Block == nil || s.body.Block.Refs() < 1):
			return fail("packet %d has no body", s.seq)
		}
	}
	for seq := r.seq.lastDiscarded + 1; seq <= min(r.seq.myAru, r.seq.highest); seq++ {
		if r.table.find(seq) == nil {
			return fail("packet %d is missing", seq)
		}
	}
	if r.alone() && (count > 0 || r.Deadline() != 0) {
		return fail("a ring of one has %d packets and a deadline at %d", count, r.Deadline())
	}
	if (r.state == Down) != (r.deadlines.loss == 0) && !r.alone() {
		return fail("waits for a token at %d", r.deadlines.loss)
	}
	return nil
}
