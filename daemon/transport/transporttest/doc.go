// Package transporttest simulates a bad network for tests of packages that use a transport: loss,
// bursts of loss, duplicates, delay with reordering, and links that are cut in one direction.
//
// A [Faults] is the filter of one daemon's transport and acts on the datagrams that arrive there.
// So a multicast can reach one daemon and not the other:
//
//	faults := transporttest.New(transporttest.Network{Seed: 7, Loss: 0.05})
//	t, err := transport.Open(transport.Config{Filter: faults, ...})
//
// # What it guarantees
//
// With one seed, the n-th datagram that arrives from an address on a port has the same fate in each
// run, whatever arrives from other addresses in between.
//
// # What it does not do
//
// It does not make a run repeatable, because the kernel and the scheduler decide when datagrams
// arrive. The simulator does that.
package transporttest
