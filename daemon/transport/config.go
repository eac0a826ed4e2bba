package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"

	"github.com/spreadd/spreadd/daemon/poller"
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// Lengths of datagrams in bytes (ring-protocol §6, §8).
const (
	// MaxPacket is the longest datagram on the data port: one Ethernet
	// frame. Longer ones are dropped on arrival.
	MaxPacket = 1472
	// MaxToken is the longest on the token port: all that UDP can carry.
	MaxToken = 65507
)

// DefaultReceiveBuffer is what is asked of the kernel for each receive socket,
// in bytes. A full packet is accounted with 2304 bytes on Linux, where the kernel doubles
// what it is asked for: this holds 3600 of them, more than twenty rounds of the default
// Window.
const DefaultReceiveBuffer = 4 << 20

// Use says what an interface of spread.conf is for. Zero means everything.
type Use uint8

// Uses, which may be added up (spread-conf §6).
const (
	UseMonitor Use = 1 << iota // M: accepted, and without effect as in C daemons
	UseClient                  // C: client sessions, not our business
	UseDaemon                  // D: the ring
)

// Interface is an entry of a daemon's interface list.
type Interface struct {
	Addr netip.Addr
	Use  Use
}

func (i Interface) daemon() bool { return i.Use == 0 || i.Use&UseDaemon != 0 }

// Config holds a transport's settings.
type Config struct {
	// Topology is the static configuration, Self the daemon that this is.
	Topology *topology.Topology
	Self     wire.DaemonID
	// Addr is the daemon's address with its zone, if it has one. The zero value
	// takes the topology's.
	Addr netip.Addr
	// Interfaces is the daemon's interface list, empty if it has none.
	Interfaces []Interface
	// IgnoreMulticastJoinErrors drops a multicast address that cannot be joined rather
	// than failing (spread-conf §4.2).
	IgnoreMulticastJoinErrors bool
	// ReceiveBuffer is what to ask of the kernel for each receive socket, in
	// bytes. Zero means [DefaultReceiveBuffer].
	ReceiveBuffer int
	// Segment hands datagrams of one length to one destination to the kernel in
	// one piece, which it or the network card cuts (UDP_SEGMENT of Linux 4.18). On the wire all
	// is the same. It is switched off by itself where it does not work.
	Segment bool
	// Pool gives the blocks that datagrams are received into.
	Pool *buf.Pool
	// Poller is what the owner waits with. It outlives the transport.
	Poller *poller.Poller
	// Filter, if not nil, decides on each datagram received. It is for tests.
	Filter Filter
	// Log is for what an operator wants to know; nil discards it.
	Log *slog.Logger

	// portable chooses the code for systems other than Linux, so that it is tested.
	portable bool
}

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Pool == nil:
		return c, errors.New("transport: Config.Pool is nil")
	case c.Poller == nil:
		return c, errors.New("transport: Config.Poller is nil")
	case c.Topology == nil:
		return c, errors.New("transport: Config.Topology is nil")
	case c.Topology.Daemon(c.Self) == nil:
		return c, fmt.Errorf("transport: daemon %d is not in the configuration", c.Self)
	case c.ReceiveBuffer < 0:
		return c, fmt.Errorf("transport: ReceiveBuffer is %d, want 0 or more", c.ReceiveBuffer)
	}
	own := c.Topology.Daemon(c.Self)
	switch {
	case !c.Addr.IsValid():
		c.Addr = own.Addr
	case c.Addr.WithZone("") != own.Addr.WithZone(""):
		return c, fmt.Errorf("transport: address %v is not the one configured for daemon %s, %v", c.Addr, own.Name, own.Addr)
	}
	if !c.Addr.IsValid() || c.Addr.IsUnspecified() || c.Addr.IsMulticast() {
		return c, fmt.Errorf("transport: daemon %s has the address %v: want one that is its host's", own.Name, c.Addr)
	}
	for _, s := range c.Topology.Segments() {
		for _, d := range s.Daemons {
			if d.Addr.Is4() != c.Addr.Is4() {
				return c, fmt.Errorf("transport: daemon %s has the address %v, ours is %v: want all of one family", d.Name, d.Addr, c.Addr)
			}
		}
		for _, a := range s.Addrs {
			if a.Is4() != c.Addr.Is4() {
				return c, fmt.Errorf("transport: segment address %v, ours is %v: want all of one family", a, c.Addr)
			}
		}
	}
	if len(c.Interfaces) > 0 && !slices.ContainsFunc(c.Interfaces, Interface.daemon) {
		return c, fmt.Errorf("transport: no interface of daemon %s is for the ring: give one the letter D, or none", own.Name)
	}
	if c.ReceiveBuffer == 0 {
		c.ReceiveBuffer = DefaultReceiveBuffer
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// segment is the one that the daemon is in.
func (c *Config) segment() *topology.Segment {
	return &c.Topology.Segments()[c.Topology.Daemon(c.Self).Segment]
}
