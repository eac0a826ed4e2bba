package transport

import (
	"net/netip"
	"slices"

	"github.com/spreadd/spreadd/internal/topology"
)

// bind is a receive socket to be opened.
type bind struct {
	addr  netip.Addr
	token bool         // on the token port
	reuse bool         // SO_REUSEADDR
	join  []netip.Addr // multicast groups
}

// network is "udp4" or "udp6": without the digit, the wildcard would be that of
// both families.
func network(a netip.Addr) string {
	if a.Is4() {
		return "udp4"
	}
	return "udp6"
}

// tokenPort is the port of tokens beside a data port. That of 65535 is 0, as
// in C daemons: an ephemeral one, which nobody finds (spread-conf §4.1).
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

// scoped gives an IPv6 address the zone that it needs and has not, from that of
// the daemon's address (ring-protocol §1). A zone of its own is turned into the interface's
// name, since looking up anything else costs a list of all interfaces each time; an unknown one
// counts as none (spread-conf §4.4). Others are returned as they are.
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

// destinations are where datagrams go, made once from the topology.
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
			// Its zone is that of its own host.
			a := scoped(m.Addr.WithZone(""), zone)
			d.data = append(d.data, newDestination(a, s.Port, false))
			d.tokens = append(d.tokens, newDestination(a, tokenPort(s.Port), true))
		}
	}
	return d
}

// of returns the destinations of a target, none if it is not in the
// configuration.
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
