package groups

// loseInExchange handles a transitional membership in StateGather. Nothing is
// removed and nobody is told, since the exchange may still be completed by
// messages of the old membership, and then members must see its result first
// (groups-protocol §6.4).
func (m *Machine) loseInExchange() {
	m.state = StateGatherTrans
	for _, g := range m.byName {
		for _, d := range g.daemons {
			if !m.transitional.has(d.rank) {
				g.changed = true
			}
		}
	}
}
