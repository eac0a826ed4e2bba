package transport

import (
	"net/netip"
	"slices"

	"github.com/spreadd/spreadd/internal/topology"
)

// bind describes a receive socket to open.
type bind struct {
	addr  netip.Addr
	token bool         // on the token port
	reuse bool         // SO_REUSEADDR
	join  []netip.Addr // multicast groups
}

// network returns "udp4" or "udp6". With "udp" the wildcard address would be that of both families.
func network(a netip.Addr) string {
	if a.Is4() {
		return "udp4"
	}
	return "udp6"
}

// tokenPort returns the token port that belongs to a data port. For 65535 it is 0, as in C daemons:
// an ephemeral port, which nobody finds (spread-conf §4.1).
func tokenPort(data uint16) uint16 { return data + 1 }

// plan lists the receive sockets (ring-protocol §1).
func (c *Config) plan() []bind {
	seg := c.segment()
	var groups []netip.Addr
	for _, a := range seg.Addrs {
		if a.IsMulticast() {
			groups = append(groups, a)
		}
	}
	wildcard := netip.IPv4Unspecified()
	if c.Addr.Is6() {
		wildcard = netip.IPv6Unspecified()
	}
	if len(c.Interfaces) == 0 {
		return []bind{{addr: wildcard, join: groups}, {addr: wildcard, token: true}}
	}
	var binds []bind
	var listed []netip.Addr
	for _, i := range c.Interfaces {
		a := i.Addr.WithZone("")
		if !i.daemon() || a.Is4() != c.Addr.Is4() || slices.Contains(listed, a) {
			continue
		}
		listed = append(listed, a)
		shared := slices.ContainsFunc(seg.Addrs, func(s netip.Addr) bool { return s.WithZone("") == a })
		binds = append(binds, bind{addr: i.Addr, reuse: a.IsMulticast() || shared, join: groups})
		if !a.IsMulticast() {
			binds = append(binds, bind{addr: i.Addr, token: true})
		}
	}
	// A socket bound to a unicast address gets no multicast or broadcast.
	if len(seg.Daemons) == 1 || slices.Contains(listed, wildcard) {
		return binds
	}
	for _, a := range seg.Addrs {
		if slices.Contains(listed, a.WithZone("")) {
			continue
		}
		listed = append(listed, a.WithZone(""))
		b := bind{addr: a, reuse: true}
		if a.IsMulticast() {
			b.join = []netip.Addr{a}
		}
		binds = append(binds, b)
	}
	return binds
}

// scoped returns an address with the zone that it needs. A link-local or multicast address of IPv6
// without a zone gets that of the daemon's address (ring-protocol §1). A zone that is a number
// becomes the interface's name, because each look-up of a number lists all interfaces. An unknown
// zone counts as none (spread-conf §4.4). Other addresses are returned unchanged.
func scoped(a netip.Addr, zone string) netip.Addr {
	if a.Zone() != "" {
		ifi, err := interfaceOf(a)
		if err == nil {
			return a.WithZone(ifi.Name)
		}
		a = a.WithZone("")
	}
	if a.Is6() && (a.IsLinkLocalUnicast() || a.IsMulticast()) {
		return a.WithZone(zone)
	}
	return a
}

// destinations holds the addresses that datagrams go to, made once from the topology.
type destinations struct {
	data, tokens []*destination   // by rank
	segments     [][]*destination // by index
}

func newDestinations(t *topology.Topology, zone string) destinations {
	var d destinations
	for _, s := range t.Segments() {
		var all []*destination
		for _, a := range s.Addrs {
			all = append(all, newDestination(scoped(a, zone), s.Port, false))
		}
		d.segments = append(d.segments, all)
		for _, m := range s.Daemons {
			// The zone in the topology is valid on the daemon's own host only.
			a := scoped(m.Addr.WithZone(""), zone)
			d.data = append(d.data, newDestination(a, s.Port, false))
			d.tokens = append(d.tokens, newDestination(a, tokenPort(s.Port), true))
		}
	}
	return d
}

// of returns the destinations of a target, or none if the configuration does not have it.
func (d *destinations) of(t *topology.Topology, to topology.Target) []*destination {
	if to.Daemon == 0 {
		if to.Segment < 0 || to.Segment >= len(d.segments) {
			return nil
		}
		return d.segments[to.Segment]
	}
	rank := t.Rank(to.Daemon)
	switch {
	case rank < 0:
		return nil
	case to.Token:
		return d.tokens[rank : rank+1]
	default:
		return d.data[rank : rank+1]
	}
}
