// Package metrics has a publisher's counters as metrics for Prometheus.
//
// [New] returns them as a collector, which package promserve serves. A program that replaces its publisher when it
// reads its configuration again uses [Source], which adds up those that follow each other.
//
// # What it guarantees
//
//   - Nothing is counted here: the publisher's counters are read when somebody
//     scrapes.
//   - Each metric, with its type, unit and meaning, is in docs/operate/metrics.md; a test
//     compares the two. Names and labels are not changed without a line in
//     CHANGELOG.md.
//   - Daemons, inputs and reasons are there from the start, with 0. Their number is that of the configuration. Of groups there are
//     [logpub.MaxGroupStats] and one for all others, whatever lines name.
//
// # What it does not
//
// Counters are read one after another, not in one instant. That a line has been written by a subscriber cannot be told
// here: see docs/logs/logpub.md on confirmation.
//
// # How to debug
//
// Failed scrapes are in the program's log, with part=metrics. curl shows the rest.
//
// References: docs/operate/metrics.md.
package metrics
