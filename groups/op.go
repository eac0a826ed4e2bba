package groups

// lose handles a transitional membership in StateOp. Groups that lose daemons get a signal with
// their old id; the others do not notice (groups-protocol §6.1).
func (m *Machine) lose(out *Effects) {
	m.state = StateTrans
	m.synced = m.synced.intersect(m.transitional)
	for g := range m.byName.all() {
		lost := false
		for _, d := range g.daemons {
			if !m.transitional.has(d.rank) {
				d.partitioned = true
				lost = true
			}
		}
		if !lost {
			continue
		}
		m.signal(g, g.id, out)
		g.id = groupID(m.transitionalID, 1)
		g.changed = true
		for _, d := range g.daemons {
			if !d.partitioned {
				d.view = m.transitionalID
			}
		}
	}
}
