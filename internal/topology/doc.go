// Package topology is the static configuration as the machines see it: which
// daemons there are, in which segments, in which order; and what that order makes of a
// membership: its leader, who follows whom, who stands for a segment. It also has the form in
// which machines say what is to be sent where ([Datagram]).
//
// # What it guarantees
//
// Values do not change once made, so they may be shared. A [Ring]'s members are always in
// configuration order, whatever order they were given in.
//
// # What it does not
//
// It opens nothing and resolves nothing: addresses are plain values. It does not know
// which daemon it runs in.
//
// # Limits
//
// Those of the wire: 128 daemons, 20 segments, 5 addresses a segment. [New] refuses more.
//
// # References
//
// docs/spec/ring-protocol.md §1, §10; docs/spec/membership-protocol.md §1.
package topology
