// Package transporttest makes a bad network for tests of what uses a transport: loss, bursts
// of it, duplicates, delay with the reordering that comes of it, and links that are cut in one
// direction.
//
// A [Faults] is the filter of one daemon's transport and acts on what arrives there, so a
// multicast can reach one daemon and not the other:
//
//	faults := transporttest.New(transporttest.Options{Seed: 7, Loss: 0.05})
//	t, err := transport.Open(transport.Config{Filter: faults, ...})
//
// # What it guarantees
//
// With one seed the n-th datagram that arrives from an address on a port meets the same fate in each
// run, whatever arrives from others in between.
//
// # What it does not
//
// It does not make a run repeatable: when datagrams arrive is the kernel's and the scheduler's affair. The
// simulator is for that.
package transporttest
