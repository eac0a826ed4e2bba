// Package groups is the third machine of a daemon: on top of the one ordered
// stream of messages it keeps who is a member of which process group, and turns
// each change into the membership messages that clients see. When daemons come
// together, it tells its tables to the others and takes theirs.
//
// # What the caller has to do
//
// Tell the machine of local sessions ([Machine.Connect]), of the daemons'
// memberships in the order in which they are installed
// ([Machine.HandleTransitional], [Machine.HandleRegular]), and hand it every message in
// its place in the order ([Machine.Deliver]), GROUPS messages included. After each of these
// calls carry out the [Effects] before the next: pass on each delivery to its receivers, in
// order, drop the sessions that have ended, and do with the ring what the orders
// say. The machine starts no goroutine, reads no clock, logs nothing; equal inputs
// give equal effects.
//
// It relies on extended virtual synchrony below: daemons that go together from one regular
// membership to the next are delivered the same messages and the same transitional
// membership; and nothing is sent in a ring before all its members have installed it.
// A membership that breaks this order, as far as it can be seen, is a panic; nothing
// that can come from a peer is one.
//
// # States
//
// The inputs that each state takes stand in one table (decisions, in state.go); each
// state has a file for what it does with memberships.
//
//	GOP      op.go           tables agreed with all daemons of the membership
//	GTRANS   trans.go        a transitional membership, and not yet the regular one
//	GGATHER  gather.go       tables are exchanged; nothing of clients moves
//	GGT      gathertrans.go  and the membership of the exchange breaks
//
// Of daemons that have equal tables, the synced set, the first one tells (build.go). What
// others tell is kept (exchange.go) and checked as a whole (check.go) before anything
// of it is taken (merge.go).
//
// # What it guarantees
//
//   - A message goes at most once to a session, whatever its list of groups.
//   - Members are listed by daemon in the order of the configuration, then
//     bytewise by name; all receivers get the same list (client-protocol §10.2).
//   - Group ids follow client-protocol §10.3, so that daemons which see the same
//     stream report the same ids.
//   - Members of one virtual synchrony set have got the same messages of the group
//     since the view before (groups-protocol §10.2).
//   - In GOP, daemons that were delivered the same have equal tables.
//   - A session that has ended is in no table.
//   - What is delivered to clients has a little-endian header, whichever order
//     its daemon writes.
//   - A state message that is not in order changes nothing. As the exchange cannot
//     end without it, a new membership is asked for ([ForceMembership]), once an
//     exchange.
//
// # What it does not
//
// It does not check what a local client may ask: a message in the stream has been
// accepted by the daemon it came from, and all daemons have to do the same with
// it, odd names included. It does not know which daemon put a message into the order, so that
// a peer can join, remove and end in the name of others: trust is per configuration.
//
// Members that are lost while an exchange is under way disappear from the next view without a
// signal before it, and a group that met them in between gets a view that may have the
// members of the one before (groups-protocol §6.5). An id is not unique for all time: a
// group that vanishes and is made again in one membership begins anew at 1, and daemons
// that part may number different changes alike.
//
// C daemons tell the others one membership for all daemons of a group; see buildStates for
// where this package does not.
//
// # Limits
//
// [MaxLocalMembers] local members of one group: a join beyond that is ignored at
// every daemon, so that the engine should count joins on their way. No limit to the
// number of groups, nor to the memory that the state of other daemons takes
// until it is whole. C daemons end themselves if a view that they build for clients exceeds
// 100 fragments, at some 2,236 members in one caused by the network: keep the groups of mixed
// rings below that.
//
// # How to debug
//
// testdata/several has scripts, each with its story; to see what a change does to them,
// run the tests with -rewrite and look at the difference. TestRandomSchedules says
// which seed fails; with -seeds 1 -seed N -follow GROUP it prints what each
// daemon did that concerns the group.
//
// # References
//
// docs/spec/groups-protocol.md; docs/spec/client-protocol.md §9 to §11. Moser, Amir,
// Melliar-Smith, Agarwal: Extended Virtual Synchrony, ICDCS 1994.
package groups
