// Package membership is the second machine of a daemon: it finds out which daemons can
// be reached, agrees with them on a ring, and says to the ring how the old one
// ends before the new one begins (extended virtual synchrony).
//
// # What the caller has to do
//
// [Machine.Start] it once, hand in what has passed the checks of all packets and tokens (length,
// configuration hash, transmitter, source address, component: membership-protocol §4), call
// [Machine.Advance] when [Machine.Deadline] has come, and carry out the [Effects] of each step. A ring has to
// report back: [Machine.HandleCommitted] and [Machine.HandleInstalled] after a Recover, [Machine.HandleTokenLost] when the
// token is lost. A ring of one installs at once; then HandleInstalled follows the step that asked for the
// recovery. Time and the wall clock's seconds come in as arguments.
//
// # What it guarantees
//
// Each state decides on each input (table.go); what it has no use for, and what is malformed,
// is refused with a [Reason] that is counted. No input, however built, makes it panic, or send what makes
// a C daemon exit (membership-protocol §13): all ids that it sends are configured, no list has an id
// twice, no limit of the format is passed. Ids of memberships that this daemon makes are never used twice in
// one run, even if the wall clock goes back. Every transition has a [Cause]. A daemon that has committed to a recovery
// keeps with whom until it installs, over any number of failed attempts.
//
// # What it does not
//
// It does not see regular tokens, and of packets with data only those of other rings. The nine [Timeouts]
// are taken as given: daemons whose timeouts differ much will not form rings. It cannot tell two runs of a daemon
// within the same second apart, as their ids could be the same.
//
// It is stricter than C daemons in what it takes. It refuses a JOIN that does not begin with its sender, an ALIVE of
// another segment, FORM1 of the attempt that it joined last, and in OP a FORM1 on which the ring's leader is not
// aboard for this ring (copies that were held up would end a running ring); FORM2 whose members are not in order, or which
// contradicts what this daemon put on FORM1. It does not refer a daemon to itself.
//
// # Limits
//
// 25 representatives, 20 ring entries and 65,467 bytes on a form token; who does not fit on it takes itself off and tries
// again. 1600 holes an entry: what lies above the last is given up by the transitional set. [MaxRing] daemons in
// a ring: of 128 configured ones, one is left out.
//
// # How to debug
//
// Print the transitions with their causes, and the [Stats]. [Machine.Check] tells whether the variables agree with each
// other. The scripts in testdata are stories of whole networks; a test that fails can be told as another.
// The test TestReplay feeds captures of C daemons to a machine and compares what it sends.
//
// # References
//
// docs/spec/membership-protocol.md; docs/spec/ring-protocol.md §20 to §22. Y. Amir, L. E. Moser, P. M. Melliar-Smith,
// D. A. Agarwal, P. Ciarfella: The Totem Single-Ring Ordering and Membership Protocol, ACM TOCS 13(4), 1995. Moser, Amir, Melliar-Smith,
// Agarwal: Extended Virtual Synchrony, ICDCS 1994.
package membership
