// Package clock is the time of the machines: a number that their driver passes in. In the daemon it
// comes from the monotonic clock, in the simulator from the schedule of events.
//
// It guarantees arithmetic and nothing else. In particular it has no Now that a machine could call.
package clock
