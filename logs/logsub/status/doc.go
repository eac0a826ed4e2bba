// Package status defines what logsub reports about itself as JSON, and serves it: [Status], with pages of
// its logs, files and publishers.
//
// # What it guarantees
//
// New fields may be added; existing ones keep their names, units and meanings. Durations are in seconds,
// sizes in bytes, and counters only grow while the process runs. A value that is not known is left out. A
// disk that does not answer keeps nobody waiting: the values that need it are then as of its last answer,
// and "late" is true.
//
// References: docs/operate/status.md.
package status
