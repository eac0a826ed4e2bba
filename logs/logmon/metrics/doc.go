// Package metrics has what logmon sees as metrics for Prometheus: [New] returns a collector, which package
// promserve serves.
//
// # What it guarantees
//
//   - Nothing is counted here: a view is taken when somebody scrapes.
//   - Each metric, with its type, unit and meaning, is in docs/operate/metrics.md; a test compares the two. Names and labels are
//     not changed without a line in CHANGELOG.md.
//   - The number of series is bounded by that of virtual hosts (traffic.Config.MaxVHosts), servers (257), groups and
//     status codes.
//
// # What it does not
//
// Pages and sessions have no series: clients could make up any number of them. Virtual hosts that were replaced, and
// those that have no place, have none either; the totals have their requests.
//
// # How to debug
//
// Failed scrapes are in the program's log, with part=metrics. curl shows the rest.
//
// References: docs/operate/metrics.md.
package metrics
