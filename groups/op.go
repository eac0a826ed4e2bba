package groups

// lose handles a transitional membership in StateOp. Groups that lose daemons get a signal with
// their old id; the others do not notice (groups-protocol §6.1).
func (m *Machine) lose(out *Effects) {
	m.state = StateTrans
	m.synced = m.synced.intersect(m.transitional)
	for g := range m.byName.all() {
		var lost []origin
		for d := range g.daemons() {
			if !m.transitional.has(d.rank) {
				d.partitioned = true
				lost = append(lost, d.origin)
			}
		}
		if lost == nil {
			continue
		}
		m.signal(g, g.id, out)
		g.id = groupID(m.transitionalID, 1)
		g.changed = true
		g.meet().apart = lost // The others come with the transitional membership.
	}
}
