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
//   - Nothing depends on who is a member of a group. While nobody answers, Pending only asks, at most twice a second for each
//     list of groups and at most [MaxAsks] at a time.
//
// # Limits
//
// Pending takes some 100 bytes for each stream of a block that is sent and not done. Register remembers [MaxStreams] streams; those
// that were silent for the longest are forgotten, and their lines are then sent again.
package receipts
