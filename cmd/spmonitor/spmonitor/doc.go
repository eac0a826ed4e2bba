// Package spmonitor is the interactive program with which people look at the daemons
// of a spread.conf, and for tests cut them off from each other, end them or change
// their windows: the keys and reports of the program of that name that comes with
// Spread 5.0.1 (daemon-operations §8). Command spmonitor is a few lines around
// [ParseFlags], [Run] and [RunJSON].
//
// # What it adds
//
// With -json it takes no commands: it asks all daemons at once and then every
// interval, and prints each report as one JSON object on a line ([Record]), and one
// for each daemon that has not answered in time. With -rounds it ends.
//
// # What differs from the original
//
//   - Every line of piped input is carried out, also those that come together.
//   - The Delta line of a report is the difference from the previous report of the
//     same daemon, not of any.
//   - Windows that were not asked for stay as they are; the original sets
//     accelerated windows to 0 if its file does not say AcceleratedRing.
//   - A number that cannot be is asked for again.
//   - If its own file cannot be read on a reload it says so, and goes on.
//   - A report counts as a daemon's only if it comes from that daemon's address.
//   - A wrong flag ends it with status 2.
//
// The wording of its menu and questions is its own; keys and order are those of the
// original.
//
// # What it does not guarantee
//
// Nothing is acknowledged: a daemon obeys only with DangerousMonitor in its file, and
// says so in its log if not. No answer may mean a daemon that is down, one with
// another configuration, or a lost datagram. Daemons end a partition 60 s after the
// last request, so it lasts as long as the program runs, which repeats it every 25 s.
//
// # Limits
//
// 128 daemons. A line of input has at most 4 KiB, the rest is skipped.
//
// # Debugging
//
// With -json each failure is a line. Package monitor tells what daemons listen to.
//
// References: docs/spec/daemon-operations.md §8, docs/spec/monitor-protocol.md.
package spmonitor
