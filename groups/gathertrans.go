package groups

import "slices"

// exchangeAgain handles a regular membership in StateGatherTrans: the exchange for
// the one before was not completed (groups-protocol §6.5).
//
// Sets that are all told can be merged, as everybody of the transitional set got
// the same messages and does the same. Of that not even a set that is told may be
// left out: its own daemons count the others in.
func (m *Machine) exchangeAgain(out *Effects) {
	if x := &m.exchange; x.ownTold && !x.spoiled {
		m.mergeTold()
	}
	for _, g := range slices.Clone(m.order) {
		if m.dropDaemons(g, func(d *daemonMembers) bool { return !m.transitional.has(d.rank) }) {
			g.changed = true
		}
	}
	m.synced = m.synced.intersect(m.transitional)
	// Messages of the old exchange that the ring has not sent would reach
	// daemons that may have ended theirs, where C daemons exit.
	out.order(ClearStates)
	m.begin(out)
}
