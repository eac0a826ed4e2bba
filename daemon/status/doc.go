// Package status defines what spreadd reports about itself as JSON: [Status] for one daemon, and
// [Cluster] for all daemons of a configuration as one of them or spmonitor sees them.
//
// It holds types and the rules that make a verdict of them ([Judge]), nothing else. The daemon fills
// them, package daemon/web serves them, and spmonitor and the cluster page read them.
//
// # What it guarantees
//
// New fields may be added; existing ones keep their names, units and meanings. Durations are in
// seconds, sizes in bytes, and counters only grow while the daemon runs. A value that is not known
// is left out.
//
// References: docs/operate/status.md has all fields and codes.
package status
