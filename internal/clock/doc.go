// Package clock is the time that the machines know: a number that their driver
// hands in. In the daemon it comes from the monotonic clock, in the simulator
// from the schedule of events.
//
// It guarantees arithmetic and nothing else; in particular there is no Now here
// that a machine could call.
package clock
