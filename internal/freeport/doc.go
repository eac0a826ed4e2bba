// Package freeport finds ports for daemons that run beside each other on one host, in
// demonstrations and tests, and keeps them for who asked.
//
// Ports come from below the range that systems hand out by themselves (from 32768 on Linux,
// from 49152 elsewhere), so no outgoing connection takes one between its being found and its being
// used. Among users of this package, in this process and others, a port is kept by a listener on
// the port below it. A program that binds a fixed port of the same range can still get in between.
package freeport
