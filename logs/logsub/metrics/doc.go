// Package metrics serves a subscriber's counters as Prometheus metrics: [New] returns a collector
// for package prom.
//
// # What it guarantees
//
//   - It counts nothing itself; each scrape reads the subscriber's counters.
//   - docs/operate/metrics.md lists each metric with type, unit and meaning; a test compares the
//     two. Names and labels change only with a line in CHANGELOG.md.
//   - Daemons, logs, sinks and reasons have series from the start, with the value 0. The
//     configuration bounds their number. Files are counted together, because messages choose their
//     names; of publishers, whose names come from messages too, 1000 have series of their own.
//   - Of a command only the first word is shown.
//
// # What it does not
//
// Counters are read one after another, not in one instant.
//
// # How to debug
//
// Failed scrapes are in the program's log, with part=metrics. Use curl to see what is served.
//
// References: docs/operate/metrics.md.
package metrics
