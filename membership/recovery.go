package membership

import (
	"slices"

	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// enterEVS joins the ring of a FORM2 that this daemon is next to read (membership-protocol §7.4).
// The ring machine performs steps 4 to 6 and 9, and step 8 on the last daemon. This machine chooses
// the ids, forwards the token and records the result.
func (m *Machine) enterEVS(e *event, v wire.FormValue, mark int32, c Cause) {
	members := slices.Concat(v.Members, v.Pending)
	own := slices.IndexFunc(v.Rings, func(r wire.RingValue) bool { return r.Membership == m.installedID })
	entry := &v.Rings[own]
	for _, r := range v.Rings {
		// An unknown ring of this daemon is from before its restart. Its id is above all that this
		// daemon knows if the times of that life were not stored.
		if r.Membership.Daemon == m.cfg.Self && r.Membership != m.installedID && int64(r.Membership.Time) <= int64(e.wall)+maxTimeAhead {
			m.lastTime = max(m.lastTime, r.Membership.Time)
		}
	}
	if entry.TransTime == 0 {
		entry.TransTime = m.nextTime(e.wall)
	}
	if len(v.Members) == 0 {
		v.ID = wire.MembershipID{Daemon: m.cfg.Self, Time: m.nextTime(e.wall)}
	}

	transitional := slices.Clone(entry.Commit[:entry.NumTrans])
	m.cfg.Topology.Sort(transitional)
	m.futureRing = m.cfg.Topology.Ring(members)
	m.futureCommit = slices.Clone(entry.Commit)
	m.change.lost = len(entry.Holes) + len(m.cfg.Old.AppendMissing(nil, m.cfg.Old.MyAru()+1, entry.Aru))
	m.future = Installation{
		TransitionalID: wire.MembershipID{Daemon: transitional[0], Time: entry.TransTime},
		Transitional:   transitional,
		RegularID:      v.ID,
		Regular:        m.futureRing.Members(),
	}
	e.out.RingCommands = append(e.out.RingCommands, RingCommand{Kind: Recover, Recovery: topology.Recovery{
		Future:         v.ID,
		Members:        slices.Clone(members),
		Aru:            entry.Aru,
		Highest:        entry.HighestSeq,
		Holes:          slices.Clone(entry.Holes),
		LastSeq:        mark,
		Commit:         slices.Clone(entry.Commit),
		TransitionalID: m.future.TransitionalID,
		Transitional:   slices.Clone(transitional),
	}})

	v.Members, v.Pending = members[:len(v.Members)+1], members[len(v.Members)+1:]
	if len(v.Pending) > 0 {
		m.sendToken(e, v.Pending[0], wire.TokenForm2, mark, v.Append(nil, wire.LittleEndian, wire.TokenForm2))
	}
	m.alive = true
	m.meet()
	m.become(e, StateEVS, c)
}
