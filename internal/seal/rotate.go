package seal

import (
	"net/netip"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// SetKeys changes to the keys of a file, or to none. A key that the file names for sealing is used
// when all members of the ring have it; and if plain datagrams are accepted, sealing begins when
// all members can open what is sealed. If the key in use was removed, or plain datagrams are not
// accepted, that is at once.
func (n *Node) SetKeys(now clock.Time, k *Keyring) {
	if k == nil && n.keys != nil {
		n.announce(&control{state: KeyState{SendsPlain: true, AcceptsPlain: true}})
	}
	n.keys, n.wanted, n.sealing, n.sealer = k, nil, false, nil
	if k == nil {
		n.use, n.plain = nil, true
		for _, p := range n.peers {
			p.stated = 0 // What they announce from now on is not opened.
		}
		return
	}
	var kept *Key
	if n.use != nil {
		kept = k.Key(n.use.id)
	}
	switch {
	case kept == nil:
		n.use = k.use
	case kept.id != k.use.id:
		n.use, n.wanted = kept, k.use
	default:
		n.use = kept
	}
	switch {
	case k.sendPlain:
		n.plain = true
	case n.plain && k.acceptPlain:
		n.sealing = true
	default:
		n.plain = false
	}
	n.nextAnnounce = now
	n.settle(now)
}

// Use has the node use a key when all members of the ring have it. It reports false if the key is
// not in the file.
func (n *Node) Use(now clock.Time, id KeyID) bool {
	k := n.keys.Key(id)
	if k == nil {
		return false
	}
	if k != n.use {
		n.wanted = k
	} else {
		n.wanted = nil
	}
	n.nextAnnounce = now
	n.settle(now)
	return true
}

// SetMembers sets the daemons of the ring that is installed.
func (n *Node) SetMembers(now clock.Time, ids []wire.DaemonID) {
	n.members = make(map[wire.DaemonID]bool, len(ids))
	for _, id := range ids {
		n.members[id] = true
	}
	n.settle(now)
}

// settle makes the changes that were waiting for other members and no longer have to.
func (n *Node) settle(now clock.Time) {
	if n.keys == nil || n.role == Monitor {
		return
	}
	if n.wanted != nil && len(n.Lacking(now, n.wanted.id)) == 0 {
		n.use, n.wanted, n.sealer = n.wanted, nil, nil
		n.nextAnnounce = now
	}
	if n.sealing && len(n.Lacking(now, n.use.id)) == 0 {
		n.plain, n.sealing = false, false
		n.nextAnnounce = now
	}
}

// Lacking returns the members of the ring that have not said that they have a key.
func (n *Node) Lacking(now clock.Time, id KeyID) (ids []wire.DaemonID) {
	for _, p := range n.peers {
		if p.id != n.self && n.members[p.id] && !p.has(now, id) {
			ids = append(ids, p.id)
		}
	}
	return ids
}

// Waits returns the key that the node waits to use and the members that lack it. Without one it
// returns 0.
func (n *Node) Waits(now clock.Time) (KeyID, []wire.DaemonID) {
	switch {
	case n.wanted != nil:
		return n.wanted.id, n.Lacking(now, n.wanted.id)
	case n.sealing:
		return n.use.id, n.Lacking(now, n.use.id)
	default:
		return 0, nil
	}
}

// Plain reports whether datagrams leave as they are.
func (n *Node) Plain() bool { return n.plain }

// HasKeys reports whether the node has keys.
func (n *Node) HasKeys() bool { return n.keys != nil }

// State returns what the node says about its keys.
func (n *Node) State() (s KeyState) {
	if n.keys == nil {
		return KeyState{SendsPlain: true, AcceptsPlain: true}
	}
	s = KeyState{InUse: n.use.id, Keys: n.keys.IDs(), SendsPlain: n.plain, AcceptsPlain: n.keys.acceptPlain}
	if n.wanted != nil {
		s.Wanted = n.wanted.id
	}
	return s
}

// PeerKeys is what is known of another daemon's keys.
type PeerKeys struct {
	ID wire.DaemonID
	// Proved reports whether the daemon has proved that it is running and has a key of this file,
	// Stated whether it has said which keys it has: State.
	Proved, Stated bool
	State          KeyState
	// Heard is when a sealed datagram of it arrived last, or 0.
	Heard clock.Time
}

// Peers returns what is known of the other daemons, in the order of the configuration. For a
// monitor these are all.
func (n *Node) Peers() []PeerKeys {
	var all []PeerKeys
	for _, p := range n.peers {
		if p.id != n.self || n.role == Monitor {
			all = append(all, PeerKeys{ID: p.id, Proved: p.proved, Stated: p.proved && p.stated != 0, State: p.state, Heard: p.live.heard})
		}
	}
	return all
}

// Tick announces the keys when it is time. The announcements are among [Node.Sends].
func (n *Node) Tick(now clock.Time) {
	if n.keys == nil || n.role == Monitor || now < n.nextAnnounce {
		return
	}
	n.nextAnnounce = now.Add(announceInterval)
	n.announce(&control{state: n.State()})
}

// announce sends a control message to all daemons.
func (n *Node) announce(c *control) {
	together := false // whether there is another daemon in the segment
	for _, p := range n.peers {
		switch {
		case p.id == n.self:
		case p.segment == n.segment:
			together = true
		default:
			n.sendControl(p.id, netip.AddrPort{}, c)
		}
	}
	if !together {
		return
	}
	b, err := n.seal(nil, KindControl, true, uint32(n.segment), c.bytes(), nil)
	if err == nil { // as in sendControl
		n.sends = append(n.sends, Send{To: topology.ToSegment(n.segment), Bytes: b})
	}
}

// Deadline returns when Tick has to be called next, or 0.
func (n *Node) Deadline() clock.Time {
	if n.keys == nil || n.role == Monitor {
		return 0
	}
	return max(n.nextAnnounce, 1)
}
