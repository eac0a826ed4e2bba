package groups

// exchangeAgain handles a regular membership in StateGatherTrans: the exchange of the membership
// before was not completed (groups-protocol §6.5).
//
// If this daemon's own set is complete, the other complete sets are merged. All daemons of the
// transitional set have received the same messages and do the same.
func (m *Machine) exchangeAgain(out *Effects) {
	if m.exchange.ownComplete {
		m.mergeComplete()
	}
	for g := range m.byName.all() {
		if g.sides() != nil {
			g.meet().sides = nil // The messages of the next exchange cannot say them.
		}
	}
	keep := m.transitional
	if m.spoiled > 1 {
		// A new exchange did not help: the daemons do not agree on who has the same tables. So each
		// sends what it alone knows.
		keep = daemonSet{m.self}
	}
	m.dropDaemons(func(d *daemonMembers) bool { return !keep.has(d.rank) })
	m.synced = m.synced.intersect(keep)
	// Messages of the old exchange that the ring has not sent could reach daemons that have ended
	// theirs, where C daemons exit.
	out.command(ClearStates)
	m.begin(out)
}
