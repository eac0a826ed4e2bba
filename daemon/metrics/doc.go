// Package metrics exports a daemon's counters as metrics for Prometheus.
//
// [New] returns them as a collector, which package prom serves.
//
// # What it guarantees
//
//   - It counts nothing itself. A scrape reads the daemon's counters, at the cost of one turn of
//     the goroutine that owns the engine.
//   - docs/operate/metrics.md lists each metric with its type, unit and meaning, and a test
//     compares the two. A change of a name or label needs a line in CHANGELOG.md.
//   - Each series exists from the start, with the value 0. The sets of labels are fixed, except for
//     the names of the configured daemons, of which there are at most 128.
//
// # What it does not do
//
// The counters of sessions and of the ring are read one after the other, not at one instant. There
// are no metrics of single clients or groups, and no names of them.
//
// # How to debug
//
// Failed scrapes are in the daemon's log, with part=metrics. curl shows the rest.
//
// References: docs/operate/metrics.md.
package metrics
