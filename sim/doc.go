// Package sim runs whole rings of engines in one goroutine, under a network, a clock and accidents
// that all come from one seed, and checks what they and their clients have seen against the properties of extended virtual
// synchrony and of process groups.
//
// It guarantees that a run is the same for the same seed. It does not run sockets, sessions or the
// daemon's loop; package daemon and integration/ringtest do.
//
// References: docs/spec/membership-protocol.md §15, docs/spec/groups-protocol.md §12.
package sim
