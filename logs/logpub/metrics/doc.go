// Package metrics serves a publisher's counters as Prometheus metrics.
//
// [New] returns a collector for package prom. logpub replaces its publisher when it reloads its
// configuration; [Source] adds up the counters of successive publishers.
//
// # What it guarantees
//
//   - It counts nothing itself; each scrape reads the publisher's counters.
//   - docs/operate/metrics.md lists each metric with type, unit and meaning; a test compares the
//     two. Names and labels change only with a line in CHANGELOG.md.
//   - Daemons, inputs and reasons have series from the start, with the value 0. The configuration
//     bounds their number. Groups have [logpub.MaxGroupStats] series and one for all others.
//
// # What it does not
//
// Counters are read one after another, not in one instant. No metric shows that a subscriber has
// written a line; see docs/logs/logpub.md on confirmation.
//
// # How to debug
//
// Failed scrapes are in the program's log, with part=metrics. Use curl to see what is served.
//
// References: docs/operate/metrics.md.
package metrics
