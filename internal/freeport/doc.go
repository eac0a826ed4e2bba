// Package freeport finds ports for daemons that run beside each other on one host, in the demo and
// in tests, and keeps them for the caller.
//
// Ports come from below the ephemeral range (from 32768 on Linux, from 49152 elsewhere), so no
// outgoing connection takes one between finding and using it. Among users of this package, in this
// process and others, a listener on the port below keeps a port. A program that binds a fixed port
// of the same range can still interfere.
//
// It is apart from daemon/localring because tests inside package daemon use it, and localring
// imports daemon.
package freeport
