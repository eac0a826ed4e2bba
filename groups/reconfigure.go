package groups

import (
	"fmt"
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// Reconfigure takes another list of daemons, in configuration order and with this daemon among
// them. The list takes effect with the next transitional membership, whose daemons all have it. What
// is still delivered of the present membership is reported in the old order, because others may
// already have reported it. Reconfigure returns an error, and changes nothing, outside StateOp, if
// the list is not valid, or if a daemon would get another name or id.
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

// renumber puts the next configuration into effect. Daemons that it lacks are ranked behind all
// others, by id, as in C daemons (groups-protocol §4). They are not in the transitional membership,
// so they leave the groups with the next regular one, and their members can ask for nothing any more.
func (m *Machine) renumber() {
	n := m.next
	if n == nil {
		return
	}
	m.next = nil
	old := m.cfg.Daemons
	var gone []wire.DaemonID
	for _, d := range old {
		if _, ok := n.ranks[d.ID]; !ok {
			gone = append(gone, d.ID)
		}
	}
	slices.Sort(gone)
	place := func(rank int) int {
		if to, ok := n.ranks[old[rank].ID]; ok {
			return to
		}
		return len(n.cfg.Daemons) + slices.Index(gone, old[rank].ID)
	}
	move := func(s daemonSet) daemonSet {
		moved := make(daemonSet, 0, len(s))
		for _, rank := range s {
			moved = append(moved, place(rank))
		}
		slices.Sort(moved)
		return moved
	}
	m.synced, m.members = move(m.synced), move(m.members)
	for _, p := range m.clients { //house:ordered each is moved by itself
		p.rank = place(p.rank)
	}
	for g := range m.byName.all() {
		slices.SortFunc(g.members, compareMembers)
		for i, o := range g.apart() {
			g.apart()[i].rank = place(o.rank)
		}
	}
	m.cfg, m.self, m.ranks, m.rankByName = n.cfg, n.self, n.ranks, n.rankByName
}
