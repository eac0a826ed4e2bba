// Package poller lets the goroutine that owns something wait for datagrams, for a point in time and
// for other goroutines, all at once.
//
// A select over channels does that too, but it needs a goroutine for each socket and two wake-ups
// for each datagram: Go's network poller wakes the reader, and the reader wakes the owner. In a
// token ring that adds to the latency of each hop. On Linux the owner therefore waits for the
// sockets itself, in ppoll(2), and other goroutines wake it through an eventfd. On other systems
// each socket has a reader, and Wait is a select.
//
// # How to use it
//
//	for {
//		for work() {
//		}
//		p.Wait(untilTheNextTimer, haveWork)
//	}
//
// Other goroutines put their work where haveWork finds it, and then call [Poller.Wake]. Wait calls
// haveWork after it has marked the owner as asleep, so that it does not miss work that arrives in
// between.
//
// # What it guarantees
//
// What a goroutine did before Wake is visible to the owner when the current Wait returns or in the
// next call of haveWork. Waking an owner that is awake costs an atomic load.
//
// # What it does not do
//
// Wait may return early for no reason. The caller opens and closes the descriptors. They should not
// be in Go's own poller at the same time, which would be woken for nothing.
//
// # References
//
// ppoll(2), eventfd(2); docs/develop/adr/0006-the-owner-waits-for-sockets.md.
package poller
