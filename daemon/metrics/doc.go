// Package metrics serves a daemon's counters to Prometheus.
//
// [Listen] binds an address, [Server.Serve] answers scrapes there until [Server.Close]. It
// serves GET /metrics in the text and OpenMetrics formats, a short index at /, and nothing
// else. [Collector] alone is for who has a registry.
//
// # What it guarantees
//
//   - Nothing is counted here: the daemon's counters are read when somebody
//     scrapes, at the cost of one turn of the goroutine that owns the engine.
//   - Each metric, with its type, unit and meaning, is in docs/metrics.md; a test
//     compares the two. Names and labels are not changed without a line in
//     CHANGELOG.md.
//   - Each series is there from the start, with 0; sets of labels are fixed but for
//     the configured daemons, of which there are at most 128.
//
// # What it does not
//
// There is neither encryption nor authentication: bind it to loopback or to a
// network of your own. The counters of sessions and of the ring are read one after the
// other, not in one instant. What waits for single clients is not told, nor any name
// of a client or group.
//
// # Limits
//
// 32 connections, 4 scrapes at a time; a request has to be there within 5 s, and is
// answered within 30 s; a daemon that does not answer for 10 s gives 503.
//
// # How to debug
//
// Failed scrapes are in the daemon's log, with part=metrics. curl shows the rest.
//
// References: docs/metrics.md.
package metrics
