// Package transport is the UDP plumbing of a daemon's ring. It opens the sockets that the
// configuration asks for, sends the datagrams of the machines and returns those that arrive.
//
// # How it fits together
//
//	data sockets  ──▶ PollData (batches)   ──▶ owner of the engine
//	token sockets ──▶ PollTokens (batches) ──▶
//	send socket   ◀── Send (a list of datagrams) ◀──
//
// [Open] binds the sockets and joins multicast groups. On Linux the owner waits for the sockets
// itself, with [Config.Poller], and reads them when it polls. One system call receives up to 32
// datagrams or sends up to 64, without an allocation and, when sending, without a copy. With
// [Config.GSO] the kernel walks its network stack once for up to 44 of them. On other systems a
// goroutine reads each receive socket, a system call moves one datagram, and polls return what the
// readers have pushed.
//
// # What the owner has to do
//
// Wait with the poller, ask [Transport.Readable], poll, and return each batch with
// [Datagrams.Done]. To keep a datagram longer, retain its block. Before you handle a token, handle
// all data, unless the ring says that tokens go first:
//
//	p.Wait(time, func() bool { return t.HaveWork() || others() })
//	data, tokens := t.Readable()
//	if tokens {
//		b := t.PollTokens()
//		for data && !ring.TokenFirst() {
//			d := t.PollData()
//			if d == nil {
//				break
//			}
//			handle(d)
//		}
//		handle(b)
//	}
//
// One goroutine does all this and calls [Transport.Send].
//
// # What it guarantees
//
//   - Datagrams leave from the daemon's configured address, by which receivers identify it.
//   - Datagrams leave in the order of the list. Those of one socket are returned in the order of
//     their arrival.
//   - A failed send loses that datagram and no other. It is counted, for its destination and by
//     reason, and logged once in 10 seconds.
//   - With [Config.Refused], on Linux, [Transport.Refused] returns the daemons whose hosts refuse
//     datagrams because no process has the port open. A refusal of one datagram loses no other.
//   - A slow owner loses nothing in this package: the kernel's buffer fills. On Linux the datagrams
//     that the kernel drops then are counted.
//
// # What it does not do
//
// It does not look into datagrams. The engine checks who may send what (ring-protocol §9), and the
// daemon's own multicasts come back. It does not update its topology: a changed configuration needs
// a new transport. It cannot tell a firewall that drops datagrams from a loss. Outside of Unix a
// multicast address is bound as the wildcard address.
//
// # Limits
//
// A datagram on the data port has at most 1472 bytes, and longer ones are dropped; one on the token
// port has at most 65507. At most 64 batches of 32 packets and 8 tokens wait for the owner, and 4
// MiB in the buffer of each socket (see [Stats] for what the kernel provides). Send waits up to 50
// ms while the kernel's buffer is full, then drops datagrams.
//
// A packet uses a slot of 1536 bytes in a block of 64 KiB. A block has 42 slots and is free when
// the last of them is. The ring keeps and discards packets in order, so few blocks are held for a
// single packet. In the worst case, when only each 42nd packet is kept, a packet holds 64 KiB.
//
// # Measured
//
// Ratios within one run on the loopback of a machine with four cores, with full packets:
//
//	receive    this package's recvmmsg 1, ReadBatch 1.1 (and two allocations each), one by one 1.8
//	send 20    batch 1, with GSO 0.18, one by one 1.35
//	send 1     batch 1.05, one by one 1
//	blocks     a slot of 42 in one block 1.5 ns, a block for two 23 ns, its own 49 ns, when
//	           32 arrive at once; 40, 45 and 48 ns when one does
//	rotation   of a token between two daemons: an owner that waits for its sockets 1, one
//	           that readers wake 1.5
//
// The benchmarks of these names repeat it.
//
// # How to debug
//
// [Transport.Stats] counts by reason, [Transport.Failed] by destination. [Config.Filter] simulates
// a bad network in tests; package transporttest has a filter that works from a seed.
//
// # References
//
// docs/spec/ring-protocol.md §1, §10, §18.3; docs/spec/spread-conf.md §4, §6.
package transport
