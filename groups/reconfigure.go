package groups

import (
	"fmt"
	"slices"
)

// Reconfigure takes another list of daemons, in configuration order and with this daemon among
// them. The list takes effect with the next regular membership, which must follow a loss of the
// present one. Until then, daemons without the new configuration report the same in the same order.
// Reconfigure returns an error, and changes nothing, outside StateOp, if the list is not valid, or
// if a daemon would get another name or id.
func (m *Machine) Reconfigure(daemons []Daemon) error {
	if m.state != StateOp {
		return fmt.Errorf("groups: the configuration cannot change in %v", m.state)
	}
	n, err := New(Config{Daemons: daemons, Self: m.cfg.Self})
	if err != nil {
		return err
	}
	for _, d := range m.cfg.Daemons {
		rank, ok := n.ranks[d.ID]
		named, known := n.rankByName[d.Name]
		if ok != known || rank != named {
			return fmt.Errorf("groups: daemon %q with the id %d has another name or id in the new configuration", d.Name, d.ID)
		}
	}
	m.next = n
	return nil
}

// renumber puts the next configuration into effect. Daemons of the transitional membership are in
// both; the others are removed from the groups now.
func (m *Machine) renumber() {
	n := m.next
	if n == nil {
		return
	}
	m.next = nil
	m.dropDaemons(func(d *daemonMembers) bool { return !m.transitional.has(d.rank) })
	old := m.cfg.Daemons
	place := func(rank int) int {
		to, ok := n.ranks[old[rank].ID]
		if !ok {
			panic(fmt.Sprintf("groups: daemon %q goes along into a membership of another configuration, which does not have it", old[rank].Name))
		}
		return to
	}
	move := func(s daemonSet) daemonSet {
		moved := make(daemonSet, 0, len(s))
		for _, rank := range s {
			moved = append(moved, place(rank))
		}
		slices.Sort(moved)
		return moved
	}
	m.synced, m.transitional = move(m.synced), move(m.transitional)
	for _, g := range m.byName {
		for _, d := range g.daemons {
			d.rank = place(d.rank)
		}
		slices.SortFunc(g.daemons, func(a, b *daemonMembers) int { return a.rank - b.rank })
	}
	m.cfg, m.self, m.ranks, m.rankByName = n.cfg, n.self, n.ranks, n.rankByName
}
