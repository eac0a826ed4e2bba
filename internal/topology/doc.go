// Package topology is the static configuration of the daemons as a value: the daemons with their
// segments, addresses and order, and what the order makes of a membership (its leader, who follows
// whom, who leads a segment). It also defines the values that pass between machines and drivers:
// [Datagram] and [Recovery].
//
// # What it guarantees
//
// Values never change once made, so they may be shared. The members of a [Ring] are always in
// configuration order, whatever order they were given in.
//
// # What it does not
//
// It opens nothing and resolves nothing: addresses are plain values. It does not know which daemon
// it runs in.
//
// # Limits
//
// The limits are those of the wire: 128 daemons, 20 segments, 5 addresses a segment. [New] refuses
// more.
//
// # References
//
// docs/spec/ring-protocol.md §1, §10; docs/spec/membership-protocol.md §1.
package topology
