// Package metrics has a daemon's counters as metrics for Prometheus.
//
// [New] returns them as a collector, which package promserve serves.
//
// # What it guarantees
//
//   - Nothing is counted here: the daemon's counters are read when somebody
//     scrapes, at the cost of one turn of the goroutine that owns the engine.
//   - Each metric, with its type, unit and meaning, is in docs/operate/metrics.md; a test
//     compares the two. Names and labels are not changed without a line in
//     CHANGELOG.md.
//   - Each series is there from the start, with 0; sets of labels are fixed but for
//     the configured daemons, of which there are at most 128.
//
// # What it does not
//
// The counters of sessions and of the ring are read one after the
// other, not in one instant. What waits for single clients is not told, nor any name
// of a client or group.
//
// # How to debug
//
// Failed scrapes are in the daemon's log, with part=metrics. curl shows the rest.
//
// References: docs/operate/metrics.md.
package metrics
