package sim

import "github.com/spreadd/spreadd/wire"

// checkSafe checks M9 and M10 of membership-protocol §15: a safe message that is delivered in a
// configuration is delivered by all its members, unless they fail. A member that left the regular
// configuration another way delivers it in the transitional configuration of that way.
func checkSafe(a *analysis, r *report) {
	for _, l := range a.Daemons {
		for _, s := range a.spans[l] {
			if s.conf == nil {
				continue
			}
			checkSafeIn(a, s, s.conf, s.regular, "M9", r)
			if s.trans != nil {
				checkSafeIn(a, s, s.trans, s.after, "M10", r)
			}
		}
	}
}

func checkSafeIn(a *analysis, s *span, c *Conf, places []int, property string, r *report) {
	for _, i := range places {
		e := &s.life.Stream[i]
		if e.Kind != EntryData || e.Message.Type&wire.Safe == 0 {
			continue
		}
		for _, id := range c.Daemons {
			found := false
			for _, q := range a.byConf[s.conf.ID] {
				if q.life.ID != id {
					continue
				}
				found = true
				if !a.has(q.life, e.Message) && (q.life.alive() || q.next != nil) {
					r.addAs(property, e.At, "%s delivers %v in %v of %v, and %s never does", s.life.Name, e.Message, c.ID, c.Daemons, q.life.Name)
				}
			}
			if !found {
				r.addAs(property, e.At, "%s delivers %v in %v of %v, and %d never was there", s.life.Name, e.Message, c.ID, c.Daemons, id)
			}
		}
	}
}
