// Package groups is the machine that keeps process groups: from the ordered stream of messages it
// keeps who is a member of which group, and turns each change into the membership messages that
// clients see. When daemons come together, their machines exchange and merge these tables.
//
// # What the caller has to do
//
// Pass in local sessions ([Machine.Connect]), the daemons' memberships in the order in which they
// are installed ([Machine.HandleTransitional], [Machine.HandleRegular]), and every message at its
// place in the order ([Machine.Deliver]), GROUPS messages included. After each call, and before the
// next, carry out the [Effects]: pass each delivery to its receivers, in order; drop the sessions
// that have ended; and carry out the commands to the ring. The machine starts no goroutine, reads
// no clock and logs nothing. Equal inputs give equal effects.
//
// The machine relies on extended virtual synchrony below. Daemons that go together from one regular
// membership to the next get the same messages and the same transitional membership. Nothing is
// sent in a ring before all its members have installed it. If a membership visibly breaks this
// order, the machine panics; nothing that a peer can send makes it panic.
//
// # States
//
// One table says which inputs each state accepts (decisions, in state.go). Each state has a file
// for what it does with memberships.
//
//	GOP      op.go           tables agreed with all daemons of the membership
//	GTRANS   trans.go        a transitional membership, before the regular one
//	GGATHER  gather.go       tables are exchanged; no client messages are taken
//	GGT      gathertrans.go  and the membership of the exchange breaks
//
// Daemons with equal tables form a synced set, and its first daemon sends the tables (build.go).
// A disconnect of a member of many groups is carried out in pieces (disconnect.go).
//
// What others send is kept (exchange.go) and checked as a whole (check.go) before any of it is
// merged (merge.go).
//
// # What it guarantees
//
//   - A message goes at most once to a session, whatever its list of groups.
//   - Members are listed by daemon in configuration order, then bytewise by name. All receivers get
//     the same list (client-protocol §10.2).
//   - Group ids follow client-protocol §10.3, so daemons that see the same stream report the same
//     ids.
//   - Members of one virtual synchrony set have received the same messages of the group since the
//     view before (groups-protocol §10.2).
//   - In GOP, daemons with the same deliveries have equal tables.
//   - A session that has ended is in no table.
//   - Deliveries to clients have a little-endian header, whatever byte order the maker uses.
//   - A state message that is refused changes nothing. Because the exchange cannot end without it,
//     the machine asks for a new membership ([ForceMembership]), once an exchange.
//
// # What it does not
//
// It does not check what a local client may ask. The maker of a message in the stream has accepted
// it, and all daemons must treat it alike, odd names included. The machine does not know which
// daemon put a message into the order, so a peer can join, leave and disconnect in the name of
// others: daemons of a configuration trust each other.
//
// Members that are lost during an exchange disappear from the next view without a signal before it,
// and a group that met them in between gets a view that may have the same members as the one before
// (groups-protocol §6.5). An id is not unique for all time: a group that vanishes and reappears in
// one membership starts again at 1, and daemons that part may give different changes the same
// number.
//
// C daemons send one membership for all daemons of a group; buildStates says where this package
// differs.
//
// # Limits
//
// One group has at most [MaxLocalMembers] local members. Every daemon ignores a join beyond that,
// so the engine should count joins on their way. The machine has no limit to the number of groups,
// which the engine bounds, or to the memory for the state of other daemons until it is complete. C daemons exit if a view for
// clients exceeds 100 fragments, at about 2,236 members in a network-caused one: keep the groups of
// mixed rings below that.
//
// # How to debug
//
// testdata/several has scripts, each with its story. To see what a change does to them, run the
// tests with -rewrite and look at the difference. TestRandomSchedules reports the seed that fails;
// with -seeds 1 -seed N -follow GROUP it prints what each daemon did for the group.
//
// # References
//
// docs/spec/groups-protocol.md; docs/spec/client-protocol.md §9 to §11. Moser, Amir, Melliar-Smith,
// Agarwal: Extended Virtual Synchrony, ICDCS 1994.
package groups
