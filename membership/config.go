package membership

import (
	"fmt"
	"time"

	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// Timeouts are the nine timeouts of spread.conf (membership-protocol §3). Daemons do not exchange
// them; all should have the same.
type Timeouts struct {
	// Token and Hurry belong to the ring; this machine does not use them.
	Token, Hurry time.Duration
	// Alive is the time between two ALIVE packets.
	Alive time.Duration
	// Join is the time between two JOIN packets.
	Join time.Duration
	// Rep is how long a daemon stays represented without hearing its representative. It is more
	// than two Join.
	Rep time.Duration
	// Seg is how long a daemon listens to its segment. It is at least two Alive.
	Seg time.Duration
	// Gather is how long representatives are collected. It is several Join.
	Gather time.Duration
	// Form is how long the form token may take for both passes.
	Form time.Duration
	// Lookup is the time between two searches of a leader for other daemons.
	Lookup time.Duration
}

// LAN returns the timeouts of a configuration that is not wide.
func LAN() Timeouts {
	const ms = time.Millisecond
	return Timeouts{
		Token: 1250 * ms, Hurry: 500 * ms, Alive: 250 * ms, Join: 250 * ms, Rep: 625 * ms,
		Seg: 500 * ms, Gather: 1250 * ms, Form: 1250 * ms, Lookup: 30_000 * ms,
	}
}

// WAN returns the timeouts of a wide configuration.
func WAN() Timeouts {
	const ms = time.Millisecond
	return Timeouts{
		Token: 5000 * ms, Hurry: 1500 * ms, Alive: 250 * ms, Join: 250 * ms, Rep: 1250 * ms,
		Seg: 500 * ms, Gather: 2500 * ms, Form: 2500 * ms, Lookup: 45_000 * ms,
	}
}

func (t *Timeouts) validate() error {
	for _, w := range [...]struct {
		name string
		d    time.Duration
	}{
		{"AliveTimeout", t.Alive},
		{"JoinTimeout", t.Join},
		{"RepTimeout", t.Rep},
		{"SegTimeout", t.Seg},
		{"GatherTimeout", t.Gather},
		{"FormTimeout", t.Form},
		{"LookupTimeout", t.Lookup},
	} {
		if w.d <= 0 {
			return fmt.Errorf("membership: %s is %v: set all timeouts, each to more than 0 ms", w.name, w.d)
		}
	}
	return nil
}

// OldRing is what the machine has to know about the packets of the last installed ring. *ring.Ring
// implements it. The methods are not called during a recovery, when the numbers have another
// meaning.
type OldRing interface {
	// Aru returns the number up to which all members have all packets.
	Aru() int32
	// MyAru returns the number up to which this daemon has all packets.
	MyAru() int32
	// Highest returns the largest number known to exist.
	Highest() int32
	// LastDiscarded returns the number up to which packets are delivered and forgotten.
	LastDiscarded() int32
	// Has reports whether the packet is held, or was delivered and forgotten.
	Has(seq int32) bool
	// AppendMissing appends the numbers from first to last, both included, of packets that are not
	// held, ascending.
	AppendMissing(dst []int32, first, last int32) []int32
}

// Config holds the settings of the machine.
type Config struct {
	// Self is this daemon, one of the topology's.
	Self     wire.DaemonID
	Topology *topology.Topology
	// ConfHash goes into every datagram.
	ConfHash uint32
	// Timeouts defaults to LAN if there is one segment, otherwise to WAN.
	Timeouts Timeouts
	// Old is the ring whose packets may have to be recovered.
	Old OldRing
	// Early makes SEG and GATHER end as soon as everybody who is expected has answered, and daemons
	// that stop announce it. Otherwise the machine keeps exactly to the timers, as C daemons do.
	Early bool
	// Seed, if it is not 0, spreads GatherTimeout by up to a twentieth, differently each time. Each
	// daemon has another seed, so that daemons with equal timers do not disturb one another's attempts
	// again and again at the same moment.
	Seed uint64
}

func (c *Config) validate() error {
	switch {
	case c.Topology == nil:
		return fmt.Errorf("membership: no topology: set Config.Topology")
	case c.Topology.Daemon(c.Self) == nil:
		return fmt.Errorf("membership: daemon %d is not in the configuration: add it to a Spread_Segment", c.Self)
	case c.Old == nil:
		return fmt.Errorf("membership: no ring: set Config.Old")
	}
	if c.Timeouts == (Timeouts{}) {
		c.Timeouts = LAN()
		if len(c.Topology.Segments()) > 1 {
			c.Timeouts = WAN()
		}
	}
	return c.Timeouts.validate()
}
