package session

import (
	"container/list"
	"net"
	"net/netip"
)

// source is where a connection comes from, as quotas see it: the address, of IPv6 the network of 64
// bits, which one host may own. It is zero for local clients: those of UNIX sockets, of the loopback,
// and those that reach an address of this host from the same address.
type source = netip.Addr

// sourceOf returns the source of a connection.
func sourceOf(conn net.Conn) source {
	a, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return source{}
	}
	addr := plain(a)
	here, _ := conn.LocalAddr().(*net.TCPAddr)
	switch {
	case addr.IsLoopback(), here != nil && plain(here) == addr:
		return source{}
	case addr.Is6():
		p, _ := addr.Prefix(64) // It fails for IPv4 only.
		return p.Addr()
	default:
		return addr
	}
}

// plain returns an address without the forms in which one address can differ.
func plain(a *net.TCPAddr) netip.Addr { return a.AddrPort().Addr().Unmap().WithZone("") }

// isLocal reports whether a source stands for the clients of this host.
func isLocal(s source) bool { return !s.IsValid() }

// maxLocal bounds the places that are kept for local clients: a tenth of all, and not more.
const maxLocal = 64

// room reports whether there is a place for one more session from a source. The caller holds the
// lock.
func (s *Server) room(from source) End {
	limit := s.cfg.MaxSessions
	if !isLocal(from) {
		limit -= min(maxLocal, limit/10)
	}
	switch {
	case len(s.names) >= limit:
		return HandshakeQuota
	case !isLocal(from) && s.sources[from] >= s.cfg.MaxAddressSessions:
		return HandshakeAddress
	default:
		return 0
	}
}

// handshakes are the connections in a handshake. When there are too many, the oldest one of the source
// with most gives way: a flood from one address does not displace others. Local clients give way only
// if they have more than half of the places: a flood from many addresses does not displace them.
type handshakes struct {
	n     int
	last  uint64
	lists map[source]*list.List // oldest first; none is empty
}

// place is the place of a connection in a handshake.
type place struct {
	conn    net.Conn
	from    source
	number  uint64 // in the order of arrival
	element *list.Element
}

func newHandshakes() handshakes { return handshakes{lists: make(map[source]*list.List)} }

func (h *handshakes) add(conn net.Conn, from source) *place {
	l := h.lists[from]
	if l == nil {
		l = list.New()
		h.lists[from] = l
	}
	h.n++
	h.last++
	p := &place{conn: conn, from: from, number: h.last}
	p.element = l.PushBack(p)
	return p
}

// remove removes a connection. It reports whether the connection still had its place.
func (h *handshakes) remove(p *place) bool {
	if p.element == nil {
		return false
	}
	l := h.lists[p.from]
	l.Remove(p.element)
	p.element = nil
	h.n--
	if l.Len() == 0 {
		delete(h.lists, p.from)
	}
	return true
}

// evict removes and returns the connection that gives way.
func (h *handshakes) evict() net.Conn {
	var most *list.List
	var oldest *place
	for from, l := range h.lists {
		if isLocal(from) && l.Len() <= h.n/2 {
			continue
		}
		p, _ := l.Front().Value.(*place)
		if most == nil || l.Len() > most.Len() || l.Len() == most.Len() && p.number < oldest.number {
			most, oldest = l, p
		}
	}
	h.remove(oldest)
	return oldest.conn
}

func (h *handshakes) each(f func(net.Conn)) {
	for _, l := range h.lists {
		for e := l.Front(); e != nil; e = e.Next() {
			if p, ok := e.Value.(*place); ok {
				f(p.conn)
			}
		}
	}
}
