// Package poller lets a goroutine that owns something wait for datagrams, for a moment in time, and for
// what other goroutines have for it, all at once.
//
// A select over channels does that too, and costs a goroutine for each socket with two wake-ups for
// each datagram: Go's network poller wakes the reader, and the reader the owner. In a token ring
// that is the time of a hop. Here, on Linux, the owner waits in ppoll(2) for the
// sockets themselves, and is woken by others through an eventfd. Elsewhere readers stay, and Wait is
// a select.
//
// # How to use it
//
//	for {
//		for work() {
//		}
//		p.Wait(untilTheNextTimer, haveWork)
//	}
//
// Others put their work where haveWork finds it, and then call [Poller.Wake]. Wait asks haveWork
// after it has declared itself asleep, so that work which comes in between is not slept through.
//
// # What it guarantees
//
// After a Wake the Wait that runs, or else the next haveWork, sees what its caller did before. A Wake of an owner that is
// awake costs an atomic load.
//
// # What it does not
//
// Wait may return early, for no reason. Descriptors are the caller's to open and close; they should not be
// in Go's own poller at the same time, which would be woken in vain.
//
// # References
//
// ppoll(2), eventfd(2); docs/develop/adr/0006-the-owner-waits-for-sockets.md.
package poller
