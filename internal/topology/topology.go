package topology

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/spreadd/spreadd/wire"
)

// Limits of a configuration whose daemons can share a ring with C daemons (ring-protocol §24).
const (
	MaxDaemons      = wire.MaxMembersOfList
	MaxSegments     = 20
	MaxSegmentAddrs = 5
)

// Daemon is one configured daemon.
type Daemon struct {
	ID   wire.DaemonID
	Name string
	// Addr is the address that the daemon's datagrams come from and go to.
	Addr netip.Addr
	// Segment is the index of the daemon's segment, Index its place there, and Rank its place among
	// all daemons. New sets them.
	Segment, Index, Rank int
}

// Segment is a list of daemons that share a port and addresses.
type Segment struct {
	// Port is the data port; the token port is the next one.
	Port uint16
	// Addrs reach all daemons of the segment, by multicast or broadcast. A packet for the segment
	// is sent to each of them.
	Addrs   []netip.Addr
	Daemons []Daemon
}

// Topology is a configuration.
type Topology struct {
	segments []Segment
	daemons  []Daemon // in configuration order
	ids      []wire.DaemonID
	ranks    map[wire.DaemonID]int
}

// few is how many ids are found faster one by one than in a map.
const few = 12

// New returns a topology of segments in the order of the file.
func New(segments []Segment) (*Topology, error) {
	t := &Topology{ranks: make(map[wire.DaemonID]int)}
	if len(segments) > MaxSegments {
		return nil, fmt.Errorf("topology: %d segments, at most %d are possible", len(segments), MaxSegments)
	}
	for i, s := range segments {
		if len(s.Addrs) > MaxSegmentAddrs {
			return nil, fmt.Errorf("topology: segment %d has %d addresses, at most %d are possible", i, len(s.Addrs), MaxSegmentAddrs)
		}
		first := len(t.daemons)
		for j, d := range s.Daemons {
			if d.ID == 0 || d.ID == wire.NoDaemon {
				return nil, fmt.Errorf("topology: daemon %q has the reserved id %d", d.Name, d.ID)
			}
			if r, ok := t.ranks[d.ID]; ok {
				return nil, fmt.Errorf("topology: daemons %q and %q have the same id %d: give one a VirtualID", t.daemons[r].Name, d.Name, d.ID)
			}
			d.Segment, d.Index, d.Rank = i, j, len(t.daemons)
			t.ranks[d.ID] = d.Rank
			t.daemons = append(t.daemons, d)
		}
		t.segments = append(t.segments, Segment{Port: s.Port, Addrs: slices.Clone(s.Addrs), Daemons: t.daemons[first:len(t.daemons):len(t.daemons)]})
	}
	switch n := len(t.daemons); {
	case n == 0:
		return nil, fmt.Errorf("topology: no daemon in %d segments", len(segments))
	case n > MaxDaemons:
		return nil, fmt.Errorf("topology: %d daemons, at most %d are possible", n, MaxDaemons)
	}
	for _, d := range t.daemons {
		t.ids = append(t.ids, d.ID)
	}
	// The list may have moved while it grew.
	first := 0
	for i := range t.segments {
		n := first + len(t.segments[i].Daemons)
		t.segments[i].Daemons = t.daemons[first:n:n]
		first = n
	}
	return t, nil
}

// Alone returns the configuration of a single daemon, whose id must not be reserved.
func Alone(id wire.DaemonID, name string) *Topology {
	t, err := New([]Segment{{Daemons: []Daemon{{ID: id, Name: name}}}})
	if err != nil {
		panic(err)
	}
	return t
}

// Daemons returns all daemons in configuration order. Do not change the list.
func (t *Topology) Daemons() []Daemon { return t.daemons }

// Segments returns the segments. Do not change the list.
func (t *Topology) Segments() []Segment { return t.segments }

// Daemon returns the daemon with an id, or nil.
func (t *Topology) Daemon(id wire.DaemonID) *Daemon {
	if r := t.Rank(id); r >= 0 {
		return &t.daemons[r]
	}
	return nil
}

// Equal reports whether two configurations are the same.
func (t *Topology) Equal(o *Topology) bool {
	return slices.EqualFunc(t.segments, o.segments, func(a, b Segment) bool {
		return a.Port == b.Port && slices.Equal(a.Addrs, b.Addrs) && slices.Equal(a.Daemons, b.Daemons)
	})
}

// Renames returns an error if a daemon of another configuration has the name of one here but not
// its id, or the id but not the name. A daemon that changes from one configuration to the other
// could not distinguish what it knows of the two.
func (t *Topology) Renames(o *Topology) error {
	for _, n := range o.daemons {
		for _, d := range t.daemons {
			if (n.ID == d.ID) != (n.Name == d.Name) {
				return fmt.Errorf("daemon %q with the id %d would become %q with %d: take it out of the configuration, reload, and add it then",
					d.Name, d.ID, n.Name, n.ID)
			}
		}
	}
	return nil
}

// Rank returns the place of a daemon in configuration order, or -1.
func (t *Topology) Rank(id wire.DaemonID) int {
	if len(t.ids) <= few {
		return slices.Index(t.ids, id)
	}
	if r, ok := t.ranks[id]; ok {
		return r
	}
	return -1
}

// Compare orders daemons as the configuration does. Unknown ones come last, by their ids.
func (t *Topology) Compare(a, b wire.DaemonID) int {
	ra, rb := t.Rank(a), t.Rank(b)
	switch {
	case ra == rb: // both unknown, or the same
		return int(int64(a) - int64(b))
	case ra < 0:
		return 1
	case rb < 0:
		return -1
	default:
		return ra - rb
	}
}

// Sort puts ids into configuration order.
func (t *Topology) Sort(ids []wire.DaemonID) { slices.SortFunc(ids, t.Compare) }
