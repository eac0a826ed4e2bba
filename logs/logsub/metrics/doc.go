// Package metrics has a subscriber's counters as metrics for Prometheus.
//
// [New] returns them as a collector, which package promserve serves.
//
// # What it guarantees
//
//   - Nothing is counted here: the subscriber's counters are read when somebody
//     scrapes.
//   - Each metric, with its type, unit and meaning, is in docs/operate/metrics.md; a test
//     compares the two. Names and labels are not changed without a line in
//     CHANGELOG.md.
//   - Daemons, logs, sinks and reasons are there from the start, with 0. Their number is that of the
//     configuration. Files are counted together, since messages name them; of publishers, whose names come from
//     messages too, 1000 have series of their own.
//   - Of commands only the first word is told.
//
// # What it does not
//
// Counters are read one after another, not in one instant.
//
// # How to debug
//
// Failed scrapes are in the program's log, with part=metrics. curl shows the rest.
//
// References: docs/operate/metrics.md.
package metrics
