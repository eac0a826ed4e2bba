package groups

// exchangeAgain handles a regular membership in StateGatherTrans: the exchange for
// the one before was not completed (groups-protocol §6.5).
//
// If all of the own set is told, other sets of which that is true are merged:
// everybody of the transitional set got the same messages, and does the same.
func (m *Machine) exchangeAgain(out *Effects) {
	if m.exchange.ownTold {
		m.mergeTold()
	}
	m.dropDaemons(func(d *daemonMembers) bool { return !m.transitional.has(d.rank) })
	m.synced = m.synced.intersect(m.transitional)
	// Messages of the old exchange that the ring has not sent would reach
	// daemons that may have ended theirs, where C daemons exit.
	out.command(ClearStates)
	m.begin(out)
}
