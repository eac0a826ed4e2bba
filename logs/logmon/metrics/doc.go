// Package metrics serves what logmon sees as Prometheus metrics: [New] returns a collector for
// package prom.
//
// # What it guarantees
//
//   - It counts nothing itself; each scrape takes a view of the monitor.
//   - docs/operate/metrics.md lists each metric with type, unit and meaning; a test compares the
//     two. Names and labels change only with a line in CHANGELOG.md.
//   - The number of series is bounded by the number of virtual hosts (traffic.Config.MaxVHosts),
//     servers (257), groups and status codes.
//
// # What it does not
//
// Pages and clients have no series, because visitors could create any number of them. Virtual hosts
// that are not counted separately have none either; the totals include their requests.
//
// # How to debug
//
// Failed scrapes are in the program's log, with part=metrics. Use curl to see what is served.
//
// References: docs/operate/metrics.md.
package metrics
