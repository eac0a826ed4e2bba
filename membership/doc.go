// Package membership is the machine that forms rings: it finds out which daemons can be reached,
// agrees with them on a ring, and tells the ring machine how the old ring ends before the new one
// begins (extended virtual synchrony).
//
// # What the caller has to do
//
// Call [Machine.Start] once. Pass in the packets and tokens that have passed the common checks:
// length, configuration hash, transmitter, source address, component (membership-protocol §4). Call
// [Machine.Advance] at [Machine.Deadline], and carry out the [Effects] of each step. Time and the
// wall clock's seconds are arguments.
//
// With Early set, also pass in refusals of hosts ([Machine.HandleRefused]) and hellos
// ([Machine.HandleHello]), and say when the token stays away ([Machine.Probe]) and when this daemon is
// late ([Machine.SetLate]).
//
// The ring must report back: [Machine.HandleCommitted] and [Machine.HandleInstalled] after a
// Recover, [Machine.HandleTokenLost] when the token is lost. A ring of one installs at once; then
// HandleInstalled follows the step that asked for the recovery.
//
// # What it guarantees
//
// Each state decides on each input (table.go). An input that is malformed, or that the state has no
// use for, is refused with a [Reason], which is counted. No input makes the machine panic, or send
// anything that makes a C daemon exit (membership-protocol §13): all ids that it sends are
// configured, no list has an id twice, and no limit of the format is exceeded. The machine never
// makes the same membership id twice in one run, even if the wall clock goes back. Every transition
// has a [Cause]. A daemon that has committed to a recovery remembers with whom until it installs a
// ring, over any number of failed attempts.
//
// # What it does not
//
// It does not see regular tokens. Of data packets it sees only those of other rings. It takes the
// nine [Timeouts] as given: daemons whose timeouts differ much do not form rings. It cannot
// distinguish two runs of a daemon within the same second, because their ids could be equal.
//
// It is stricter than C daemons. It refuses a JOIN that does not begin with its sender, an ALIVE of
// another segment, and FORM1 of the attempt that it joined last. In OP it refuses a FORM1 that the
// ring's leader has not entered for this ring, because a delayed copy would end a running ring. It
// refuses a FORM2 whose members are out of order, or which contradicts what this daemon put on
// FORM1. It does not refer a daemon to itself.
//
// # Limits
//
// A form token has at most 25 representatives, 20 ring entries and 65,467 bytes; a daemon that does
// not fit leaves itself out and tries again. An entry has at most 1600 holes: the transitional set
// gives up the packets above the last one. A ring has at most [MaxRing] daemons: of 128 configured
// ones, one is left out.
//
// # How to debug
//
// Print the transitions with their causes, and the [Stats]. [Machine.Check] reports whether the
// variables agree with each other. The scripts in testdata are stories of whole networks; a failing
// test can be written as another. TestReplay feeds captures of C daemons to a machine and compares
// what it sends.
//
// # References
//
// docs/spec/membership-protocol.md; docs/spec/ring-protocol.md §20 to §22. Y. Amir, L. E. Moser, P.
// M. Melliar-Smith, D. A. Agarwal, P. Ciarfella: The Totem Single-Ring Ordering and Membership
// Protocol, ACM TOCS 13(4), 1995. Moser, Amir, Melliar-Smith, Agarwal: Extended Virtual Synchrony,
// ICDCS 1994.
package membership
