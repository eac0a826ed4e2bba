package topology

import (
	"fmt"

	"github.com/spreadd/spreadd/wire"
)

// Target is where a datagram goes: to one daemon, or to all addresses of a segment.
type Target struct {
	// Daemon is the receiver. If it is 0, Segment counts.
	Daemon  wire.DaemonID
	Segment int
	// Token selects the token port.
	Token bool
}

// ToDaemon returns the data port of a daemon.
func ToDaemon(id wire.DaemonID) Target { return Target{Daemon: id} }

// ToTokenPort returns the token port of a daemon.
func ToTokenPort(id wire.DaemonID) Target { return Target{Daemon: id, Token: true} }

// ToSegment returns all addresses of a segment.
func ToSegment(i int) Target { return Target{Segment: i} }

// String returns "segment 1", "daemon 7" or "token port of daemon 7".
func (t Target) String() string {
	switch {
	case t.Daemon == 0:
		return fmt.Sprintf("segment %d", t.Segment)
	case t.Token:
		return fmt.Sprintf("token port of daemon %d", t.Daemon)
	default:
		return fmt.Sprintf("daemon %d", t.Daemon)
	}
}

// Datagram is a datagram that a machine sends: a header followed by a body. Packets and tokens have
// headers of the same length.
//
// Body may point into a block that a machine holds. It is valid until the step's effects are reset;
// the blocks that the step releases are released after that.
type Datagram struct {
	To   Target
	Head [wire.PacketHeaderLen]byte
	Body []byte
}

// Append appends the datagram's bytes to b.
func (d *Datagram) Append(b []byte) []byte { return append(append(b, d.Head[:]...), d.Body...) }

// The headers of packets and tokens must have the same length.
var _ = [1]struct{}{}[wire.PacketHeaderLen-wire.TokenHeaderLen]
