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
	// MaxPacket is the longest datagram on the data port: one Ethernet frame. Longer ones are
	// dropped on arrival.
	MaxPacket = 1472
	// MaxToken is the longest datagram on the token port: the most that UDP can carry.
	MaxToken = 65507
)

// DefaultReceiveBuffer is the default of [Config.ReceiveBuffer]. Linux accounts 2304 bytes for a
// full packet and doubles the size that it is asked for, so this buffer holds 3600 packets: more
// than twenty rounds of the default Window.
const DefaultReceiveBuffer = 4 << 20

// Use is a set of purposes of an interface in spread.conf. Zero means all.
type Use uint8

// Uses, which may be combined (spread-conf §6).
const (
	UseMonitor Use = 1 << iota // M: accepted, without effect, as in C daemons
	UseClient                  // C: client sessions, not used here
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
	// Topology is the static configuration, and Self is this daemon.
	Topology *topology.Topology
	Self     wire.DaemonID
	// Addr is the daemon's address with its zone, if any. The zero value means the topology's
	// address.
	Addr netip.Addr
	// Interfaces is the daemon's interface list, empty if it has none.
	Interfaces []Interface
	// IgnoreMulticastJoinErrors skips a multicast address that cannot be joined. Otherwise [Open]
	// fails (spread-conf §4.2).
	IgnoreMulticastJoinErrors bool
	// ReceiveBuffer is the buffer size to request for each receive socket, in bytes. Zero means
	// [DefaultReceiveBuffer].
	ReceiveBuffer int
	// GSO uses UDP segmentation offload for runs of equal-sized datagrams to one destination
	// (UDP_SEGMENT, Linux 4.18). The datagrams on the wire are the same. The transport switches it
	// off where it does not work.
	GSO bool
	// Refused makes [Transport.Refused] report which hosts refuse datagrams. Only Linux does.
	Refused bool
	// ConfHash is the hash of the configuration, which sealed datagrams carry.
	ConfHash uint32
	// Sealer seals and opens datagrams. Nil means that they are plain.
	Sealer *Sealer
	// Pool provides the blocks that datagrams are received into.
	Pool *buf.Pool
	// Poller is the poller that the owner waits in. It outlives the transport.
	Poller *poller.Poller
	// Filter, if not nil, decides what happens to each datagram received. It is for tests.
	Filter Filter
	// Log is the transport's log. Nil discards it.
	Log *slog.Logger

	// portable selects the code for systems other than Linux, so that tests on Linux can run it.
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
		return c, fmt.Errorf("transport: address %v differs from the configured address of daemon %s, %v", c.Addr, own.Name, own.Addr)
	}
	if !c.Addr.IsValid() || c.Addr.IsUnspecified() || c.Addr.IsMulticast() {
		return c, fmt.Errorf("transport: daemon %s has the address %v; want an address of its host", own.Name, c.Addr)
	}
	for _, s := range c.Topology.Segments() {
		for _, d := range s.Daemons {
			if d.Addr.Is4() != c.Addr.Is4() {
				return c, fmt.Errorf("transport: daemon %s has the address %v, this daemon has %v; want all in one address family", d.Name, d.Addr, c.Addr)
			}
		}
		for _, a := range s.Addrs {
			if a.Is4() != c.Addr.Is4() {
				return c, fmt.Errorf("transport: the segment has the address %v, this daemon has %v; want all in one address family", a, c.Addr)
			}
		}
	}
	if len(c.Interfaces) > 0 && !slices.ContainsFunc(c.Interfaces, Interface.daemon) {
		return c, fmt.Errorf("transport: no interface of daemon %s is for the ring; mark one with D or remove the marks", own.Name)
	}
	if c.ReceiveBuffer == 0 {
		c.ReceiveBuffer = DefaultReceiveBuffer
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// segment returns the segment of the daemon.
func (c *Config) segment() *topology.Segment {
	return &c.Topology.Segments()[c.Topology.Daemon(c.Self).Segment]
}
