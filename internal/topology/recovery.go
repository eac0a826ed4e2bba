package topology

import "github.com/spreadd/spreadd/wire"

// Recovery is what the second form token says to a daemon: which ring comes next, and how the old
// one ends (membership-protocol §7.4, ring-protocol §22.2). The membership machine reads it from
// the token; the ring machine carries it out.
type Recovery struct {
	// Future is the id of the next ring. Members are its daemons, in ring order; the last of them
	// makes the first regular token.
	Future  wire.MembershipID
	Members []wire.DaemonID
	// Aru is the number up to which all members of the old ring have its packets.
	Aru int32
	// Highest is the largest number of the old ring that a daemon on the form token knows. Packets
	// above it are forgotten.
	Highest int32
	// Holes are the numbers from Aru to Highest that no daemon on the form token has, ascending.
	Holes []int32
	// LastSeq is the recovery mark, which is above every number of every old ring.
	LastSeq int32
	// Commit is the commit set: the daemons that may be committed to the same recovery. After a
	// hole, only their messages are delivered.
	Commit []wire.DaemonID
	// TransitionalID and Transitional are the configuration between the old ring and the next one.
	// The daemons are in configuration order.
	TransitionalID wire.MembershipID
	Transitional   []wire.DaemonID
}
