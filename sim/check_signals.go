package sim

import (
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// checkSignals checks G8 and G9 of groups-protocol §12. Before a member gets anything that is
// delivered without some members of its view, it gets a signal. It gets no signal if all come
// along, and no view if nothing has changed.
func checkSignals(a *analysis, r *report) {
	daemons := make(map[string]wire.DaemonID)
	for _, l := range a.Daemons {
		daemons[l.Daemon] = l.ID
	}
	for _, l := range a.Daemons {
		s := signals{life: l, daemons: daemons, r: r, views: make(map[clientGroup]*View), since: make(map[clientGroup]bool), within: make(map[clientGroup]bool)}
		for i := range l.Stream {
			s.take(&l.Stream[i])
		}
	}
}

// signals tracks what the clients of a life received.
type signals struct {
	life    *Life
	daemons map[string]wire.DaemonID
	r       *report
	trans   *Conf // the transitional configuration, if in one
	// silent reports that nothing was delivered in the present regular configuration, and broken
	// that nothing was delivered in the one before either, as when an exchange does not complete.
	// What is sent in such an exchange counts as a change, even if the members concerned have left
	// again (groups-protocol §6.5).
	silent, broken bool
	views          map[clientGroup]*View
	since          map[clientGroup]bool // a signal came after the view
	within         map[clientGroup]bool // the view came in a transitional configuration
}

func (s *signals) take(e *Entry) {
	switch e.Kind {
	case EntryTransitional:
		s.trans = e.Conf
		return
	case EntryRegular:
		s.trans = nil
		s.broken, s.silent = s.silent, true
		return
	case EntryData:
		for _, c := range e.To {
			for _, g := range e.Message.Groups {
				s.need(e, clientGroup{c, g})
			}
		}
	case EntryView:
		for _, c := range e.To {
			s.view(e, clientGroup{c, e.View.Group})
		}
	case EntrySent, EntryStarted, EntryEnded:
		return
	}
	s.silent = false
}

func (s *signals) view(e *Entry, k clientGroup) {
	v := e.View
	switch {
	case v.signal():
		if u := s.views[k]; u != nil && u.ID != v.ID {
			s.r.add(e.At, "%v gets %v after %v", k.client, v, u)
		}
		s.since[k] = true
	case !v.regular():
		delete(s.views, k)
		delete(s.since, k)
	default:
		u := s.views[k]
		// In a transitional configuration, lost daemons' clients may still join and leave, with
		// another signal each time.
		if u != nil && s.since[k] && v.network() && s.trans == nil && !s.within[k] && comeAlong(u, v) {
			s.r.add(e.At, "%v gets a signal between %v and %v, though all come along", k.client, u, v)
		}
		if u != nil && s.since[k] && s.trans != nil && !s.within[k] && s.lost(u) != nil && (v.ID.Index != 2 || membershipOf(v.ID) != s.trans.ID) {
			s.r.addAs("G3", e.At, "%v gets %v after the signal in %v, though its ids must be those of the transitional configuration %v", k.client, v, u, s.trans.ID)
		}
		if u != nil && !s.since[k] && s.trans == nil && v.network() && !s.broken && len(v.Sets) == 1 && slices.Equal(u.Members, v.Members) {
			s.r.addAs("G9", e.At, "%v gets %v after %v, though nothing has changed", k.client, v, u)
		}
		s.views[k] = v
		s.since[k] = false
		s.within[k] = s.trans != nil
	}
}

// comeAlong reports whether all members of a view are in the own set of the next view.
func comeAlong(u, v *View) bool {
	return !slices.ContainsFunc(u.Members, func(n wire.Name) bool { return !slices.Contains(v.Sets[v.Own], n) })
}

// need checks that there was a signal, if members of the view are lost.
func (s *signals) need(e *Entry, k clientGroup) {
	u := s.views[k]
	if u == nil || s.trans == nil || s.since[k] {
		return
	}
	if n := s.lost(u); n != nil {
		s.r.add(e.At, "%v gets %v without a signal, though %v of %v is lost", k.client, e.Message, n, u)
	}
}

// lost returns a member of a view that is not in the transitional configuration, or nil.
func (s *signals) lost(u *View) *wire.Name {
	for i := range u.Members {
		_, daemon, _ := u.Members[i].SplitPrivate()
		if !slices.Contains(s.trans.Daemons, s.daemons[string(daemon)]) {
			return &u.Members[i]
		}
	}
	return nil
}

func membershipOf(id wire.GroupID) wire.MembershipID {
	return wire.MembershipID{Daemon: wire.DaemonID(id.Daemon), Time: int32(id.Time)}
}
