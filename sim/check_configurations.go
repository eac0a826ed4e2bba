package sim

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// checkConfigurations checks C1 to C6 of membership-protocol §15: who is in a configuration, that
// an id names one configuration, and that daemons that go together agree on it.
func checkConfigurations(a *analysis, r *report) {
	checkFormed(a, r)
	kinds := make(map[wire.MembershipID]EntryKind)
	sets := make(map[wire.MembershipID]*Conf)
	owners := make(map[wire.MembershipID][]*Life)
	for _, l := range a.Daemons {
		checkShape(a, l, r)
		times := make(map[wire.DaemonID]int32)
		for i := range l.Stream {
			e := &l.Stream[i]
			if e.Conf == nil {
				continue
			}
			id := e.Conf.ID
			if !slices.Contains(e.Conf.Daemons, l.ID) {
				r.addAs("C1", e.At, "%s is not in the configuration %v that it enters", l.Name, id)
			}
			if other := sets[id]; other == nil {
				sets[id], kinds[id] = e.Conf, e.Kind
			} else if kinds[id] != e.Kind {
				r.addAs("C2", e.At, "the id %v names a regular and a transitional configuration", id)
			} else if !slices.Equal(other.Daemons, e.Conf.Daemons) {
				r.addAs("C2", e.At, "the id %v names %v, and at %s %v", id, other.Daemons, l.Name, e.Conf.Daemons)
			}
			if slices.Contains(owners[id], l) {
				r.addAs("C3", e.At, "%s enters %v twice", l.Name, id)
			}
			for _, o := range owners[id] {
				if o.ID == l.ID && o != l {
					r.addAs("C3", e.At, "%s enters %v as %s did in another life", l.Name, id, o.Name)
				}
			}
			owners[id] = append(owners[id], l)
			if last, ok := times[id.Daemon]; ok && id.Time <= last {
				r.addAs("C3", e.At, "%s enters %v after one of the time %d", l.Name, id, last)
			}
			times[id.Daemon] = id.Time
		}
	}
	checkTogether(a, r)
}

// checkFormed checks that no id was given to the configurations of two attempts, even if nobody
// installed one of them.
func checkFormed(a *analysis, r *report) {
	attempts := make(map[wire.MembershipID]wire.MembershipID)
	for _, f := range a.Formed {
		if other, ok := attempts[f.ID]; ok && other != f.Attempt {
			r.addAs("C3", f.At, "the id %v is that of two attempts, %v and %v", f.ID, other, f.Attempt)
		}
		attempts[f.ID] = f.Attempt
	}
}

// checkShape checks C4: regular and transitional configurations alternate.
func checkShape(a *analysis, l *Life, r *report) {
	want := EntryTransitional
	for i := range l.Stream {
		e := &l.Stream[i]
		if e.Conf == nil {
			continue
		}
		if e.Kind != want {
			r.addAs("C4", e.At, "%s enters two consecutive configurations of one kind", l.Name)
		}
		want = EntryTransitional + EntryRegular - e.Kind
	}
	for _, s := range a.spans[l] {
		if s.trans == nil || s.next == nil {
			continue
		}
		for _, id := range s.trans.Daemons {
			if s.conf == nil && id != l.ID || s.conf != nil && !slices.Contains(s.conf.Daemons, id) {
				r.addAs("C4", l.Began, "%s comes out of %v with %d, which was not in it", l.Name, s.conf, id)
			}
			if !slices.Contains(s.next.Daemons, id) {
				r.addAs("C4", l.Began, "%s goes to %v with %d, which is not in it", l.Name, s.next.ID, id)
			}
		}
	}
}

func checkTogether(a *analysis, r *report) {
	for _, id := range a.confs {
		list := a.byConf[id]
		for i, p := range list {
			for _, q := range list[:i] {
				if p.next == nil || q.next == nil || p.trans == nil || q.trans == nil {
					continue
				}
				at := p.life.Began
				if p.next.ID != q.next.ID {
					if slices.Contains(p.trans.Daemons, q.life.ID) && slices.Contains(q.trans.Daemons, p.life.ID) {
						r.addAs("C6", at, "%s and %s leave %v with each other, but for %v and %v", p.life.Name, q.life.Name, id, p.next.ID, q.next.ID)
					}
					continue
				}
				if p.trans.ID != q.trans.ID || !slices.Contains(p.trans.Daemons, q.life.ID) {
					r.addAs("C5", at, "%s and %s go from %v to %v, over %v of %v and %v of %v", p.life.Name, q.life.Name, id, p.next.ID,
						p.trans.ID, p.trans.Daemons, q.trans.ID, q.trans.Daemons)
				}
			}
		}
	}
}
