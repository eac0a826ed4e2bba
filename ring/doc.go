// Package ring is the first machine of a daemon: within one membership it gives
// every message a place in one total order, and tells when a message may be
// delivered.
//
// # What the caller has to do
//
// [Ring.Install] each configuration that the membership machine forms, [Ring.Submit] the
// messages of local sessions, call [Ring.Advance] when [Ring.Deadline] has come, and carry
// out the [Effects] after each call. Time comes in as an argument; the machine
// has no clock, no socket, no goroutine and no log.
//
// # What it guarantees
//
// Messages are delivered in one order, which is that of their submission at
// each daemon. A safe message is delivered when every member has it. What was
// submitted before a configuration is installed waits, and is ordered in it.
//
// # What it does not
//
// It orders for a ring of one daemon: that daemon always holds the token, every
// packet is stable once it exists, and nothing can be lost, so a message is delivered in the
// step that submits it. Configurations of several daemons are refused by [Ring.Install].
//
// # Limits
//
// [Config.QueueMessages] messages wait for a configuration; beyond that Submit refuses,
// and the driver stops reading its clients until [Ring.Accepting].
//
// # References
//
// docs/spec/ring-protocol.md §7, §15, §17. Amir, Moser, Melliar-Smith, Agarwal, Ciarfella: The Totem
// Single-Ring Ordering and Membership Protocol, ACM TOCS 13(4), 1995. Babay, Amir: Fast Total Ordering for Modern Data
// Centers, ICDCS 2016.
package ring
