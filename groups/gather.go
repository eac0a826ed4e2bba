package groups

// loseInExchange handles a transitional membership in StateGather. It removes nothing and sends
// nothing. Messages of the old membership may still complete the exchange, and then members must
// see its result first (groups-protocol §6.4).
func (m *Machine) loseInExchange() {
	m.state = StateGatherTrans
	for g := range m.byName.all() {
		for d := range g.daemons() {
			if !m.transitional.has(d.rank) {
				g.changed = true
			}
		}
	}
}
