// Package peercred reports which local user is at the other end of a connection.
//
// [Of] asks the kernel about a UNIX socket, on Linux, macOS and FreeBSD. [OfListener] finds the user
// who listens on a TCP port of this host, on Linux. Where the system does not say, ok is false.
package peercred
