// Package receipts is the state of delivery "written": [Pending], which lines a publisher has sent and who has acknowledged them,
// and [Register], what a log host acknowledges to whom.
//
//	publisher: Sent ──▶ Pending ──▶ Asks, Again, Done
//	                      ▲
//	                      │ acks
//	log host:  Written ──▶ Register ──▶ Next
//
// Both are pure machines: time is an argument, and they send nothing. docs/spec/log-protocol.md says what they do and why.
//
// # Guarantees
//
//   - Pending reports a block as done when enough different log hosts have acknowledged each of its lines, and not before.
//   - A line that a log host lacks comes up for sending again, once for each ask that finds that out.
//   - Streams of which no line gets done are known as silent. They do not count as in flight, and their lines can go to a shelf.
//   - Nothing depends on who is a member of a group. While nobody answers, Pending only asks, at most twice a second for each
//     list of groups and at most [MaxAsks] at a time.
//
// # Limits
//
// Pending takes some 100 bytes for each stream of a block that is sent and not done, and for each stream of which lines are on the
// shelf, however many. Register remembers [MaxStreams] streams; those
// that were silent for the longest are forgotten, and their lines are then sent again.
package receipts
