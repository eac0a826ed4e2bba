// Package monitor asks daemons how they are and passes commands to them: the other end of the protocol
// of monitors, for spmonitor and for a daemon that shows the others.
//
// [Open] binds a [Socket] with the identity of a daemon. [Socket.Query] asks for plain reports, which C
// daemons give too, and [Collect] asks all daemons for extended ones and makes a [status.Cluster] of
// the answers.
//
// # What it does not guarantee
//
// Datagrams get lost and commands are not acknowledged. A missing answer can mean a daemon that is
// down, one with another configuration, or a bad network.
//
// References: docs/spec/monitor-protocol.md.
package monitor
