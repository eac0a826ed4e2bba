package ring

import (
	"fmt"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

const (
	// DefaultQueueMessages is how many messages of local sessions may wait for
	// the ring before the daemon stops reading them (client-protocol §12.1).
	DefaultQueueMessages = 500
	// FragmentBytes is the most that one packet carries of a message: an
	// Ethernet frame's payload less headers (ring-protocol §6, §7.1).
	FragmentBytes = 1432
)

// Service is the class in which the ring carries a message (ring-protocol
// §7.4): there is no unreliable and no causal on the ring.
type Service uint8

// The services, weakest first.
const (
	Reliable Service = iota + 1
	FIFO
	Agreed
	Safe
)

// String returns the name of the service.
func (s Service) String() string {
	switch s {
	case Reliable:
		return "reliable"
	case FIFO:
		return "fifo"
	case Agreed:
		return "agreed"
	case Safe:
		return "safe"
	default:
		return fmt.Sprintf("Service(%d)", uint8(s))
	}
}

// Message is what the ring orders: the bytes of one whole message.
type Message struct {
	Service Service
	Data    buf.Slice
}

// Config holds the settings of the ring. The zero value is the default, but
// for Self.
type Config struct {
	Self wire.DaemonID
	// QueueMessages bounds the messages that wait for the ring; zero means
	// DefaultQueueMessages.
	QueueMessages int
}

// Configuration is a regular configuration: its name, and the members in ring
// order.
type Configuration struct {
	ID      wire.MembershipID
	Members []wire.DaemonID
}

// Effects collects what the driver has to do after a step: hand up the
// deliveries in order, then release the blocks of Releases.
type Effects struct {
	Deliveries []Message
	// Releases are blocks that the ring had retained and needs no more. They
	// stay valid until the deliveries have been handed up.
	Releases []*buf.Block
}

// Reset empties the effects for the next step.
func (e *Effects) Reset() {
	clear(e.Deliveries)
	e.Deliveries = e.Deliveries[:0]
	clear(e.Releases)
	e.Releases = e.Releases[:0]
}

// Stats are the counters that the status report shows (ring-protocol §23).
type Stats struct {
	HighestSeq       int64 // highest sequence number assigned in this configuration
	PacketsSent      int64 // packets made, in all configurations
	PacketsDelivered int64
	MessagesQueued   int // waiting for a configuration
}

// Ring orders messages. It is not safe for concurrent use.
type Ring struct {
	cfg       Config
	installed bool
	queue     []Message // submitted before the first configuration; blocks retained
	stats     Stats
}

// New returns a ring without a configuration.
func New(cfg Config) *Ring {
	if cfg.QueueMessages == 0 {
		cfg.QueueMessages = DefaultQueueMessages
	}
	return &Ring{cfg: cfg}
}

// Install makes a configuration the current one: sequence numbers start again
// at 1, and what waited is ordered in it.
func (r *Ring) Install(now clock.Time, c Configuration, out *Effects) {
	if len(c.Members) != 1 || c.Members[0] != r.cfg.Self {
		panic(fmt.Sprintf("ring: configuration %v is not that of daemon %d alone", c.Members, r.cfg.Self))
	}
	r.installed = true
	r.stats.HighestSeq = 0
	for _, m := range r.queue {
		r.order(m, out)
		out.Releases = append(out.Releases, m.Data.Block)
	}
	clear(r.queue)
	r.queue = r.queue[:0]
	r.stats.MessagesQueued = 0
}

// Accepting reports whether Submit takes another message.
func (r *Ring) Accepting() bool { return r.installed || len(r.queue) < r.cfg.QueueMessages }

// Submit takes a message from a local session. It reports false, and does
// nothing, when too many are waiting already.
func (r *Ring) Submit(now clock.Time, m Message, out *Effects) (accepted bool) {
	if r.installed {
		r.order(m, out)
		return true
	}
	if !r.Accepting() {
		return false
	}
	m.Data.Block.Retain()
	r.queue = append(r.queue, m)
	r.stats.MessagesQueued = len(r.queue)
	return true
}

// order gives a message its sequence numbers, one for each packet, and
// delivers it: this daemon holds the token, and what all members have, which
// is this one, is stable.
func (r *Ring) order(m Message, out *Effects) {
	packets := int64(max(1, (m.Data.Len()+FragmentBytes-1)/FragmentBytes))
	r.stats.HighestSeq += packets
	r.stats.PacketsSent += packets
	r.stats.PacketsDelivered += packets
	out.Deliveries = append(out.Deliveries, m)
}

// Deadline returns the moment at which Advance has something to do, or zero.
// A ring of one cannot lose its token, so there is none.
func (r *Ring) Deadline() clock.Time { return 0 }

// Advance runs the timers that are due.
func (r *Ring) Advance(now clock.Time, out *Effects) {}

// Stats returns the counters.
func (r *Ring) Stats() Stats { return r.stats }
