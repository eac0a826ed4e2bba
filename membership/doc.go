// Package membership is the second machine of a daemon: it agrees on who is in
// the ring, and brings the survivors of an old ring to the same point before a
// new one starts (extended virtual synchrony).
//
// # What the caller has to do
//
// [Machine.Start] it once, call [Machine.Advance] when [Machine.Deadline] has come, and carry out the
// [Effects]: install each configuration, in order, in the ring and in the group layer.
// Time and wall-clock seconds come in as arguments.
//
// # What it guarantees
//
// Each installation has a transitional and a regular configuration; ids of
// configurations that this daemon makes are never used twice in one run, even
// if the wall clock goes back. Every transition has a cause.
//
// # What it does not
//
// It forms the membership of a daemon that is alone: with nobody to gather, it goes from its start to [StateOp] at
// once, without the waits of a gathering.
//
// # References
//
// docs/spec/membership-protocol.md. Moser, Amir, Melliar-Smith, Agarwal: Extended Virtual Synchrony,
// ICDCS 1994.
package membership
