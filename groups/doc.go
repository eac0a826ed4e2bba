// Package groups is the third machine of a daemon: on top of the one ordered
// stream of messages it keeps who is a member of which process group, and turns
// each change into the membership messages that clients see.
//
// # What the caller has to do
//
// Tell the machine of local sessions ([Machine.Connect]), of the daemons'
// memberships in the order in which they are installed
// ([Machine.HandleTransitional], [Machine.HandleRegular]), and hand it every message in
// its place in the order ([Machine.Deliver]). Afterwards carry out the
// [Effects]: pass on each delivery to its receivers, in order, then drop the
// sessions that have ended. The machine starts no goroutine, reads no clock, logs
// nothing; equal inputs give equal effects.
//
// # What it guarantees
//
//   - A message goes at most once to a session, whatever its list of groups.
//   - Members are listed by daemon in the order of the configuration, then
//     bytewise by name; all receivers get the same list (client-protocol §10.2).
//   - Group ids follow client-protocol §10.3, so that daemons which see the same
//     stream report the same ids.
//   - A session that has ended is in no table.
//
// # What it does not
//
// It does not check what a local client may ask: a message in the stream has been
// accepted by the daemon it came from, and all daemons have to do the same with
// it, odd names included. It does not exchange group state with other daemons: a regular
// membership with more daemons than the transitional one before it is refused by a panic, since the
// membership machine of a daemon that is alone in its ring cannot install one.
//
// # Limits
//
// [MaxLocalMembers] local members of one group; no limit to the number of groups.
//
// # References
//
// docs/spec/groups-protocol.md; docs/spec/client-protocol.md §9 to §11. Moser, Amir,
// Melliar-Smith, Agarwal: Extended Virtual Synchrony, ICDCS 1994.
package groups
