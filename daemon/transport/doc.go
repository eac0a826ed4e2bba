// Package transport is the UDP plumbing of a daemon's ring: it opens the sockets that
// the configuration asks for, sends what the machines want sent, and hands over what arrives.
//
// # How it fits together
//
//	data sockets  ──▶ PollData (batches)   ──▶ owner of the engine
//	token sockets ──▶ PollTokens (batches) ──▶
//	send socket   ◀── Send (a list of datagrams) ◀──
//
// [Open] binds and joins. On Linux the owner waits for the sockets themselves, with [Config.Poller],
// and reads them when it polls: a system call moves up to 32 datagrams in and 64 out, without an
// allocation and, on the way out, without a copy; with [Config.Segment] the kernel even walks its
// stack once for 44 of them. Elsewhere a goroutine reads each receive socket, a call moves
// one datagram, and polls look at what the readers have brought.
//
// # What the owner has to do
//
// Wait with the poller, ask [Transport.Readable], poll, and give each [Batch] back with
// [Batch.Done]; retain the block of what is kept for longer. With a token in the hand, and
// unless the ring says that tokens go first, take all data before it:
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
//   - Datagrams leave from the daemon's configured address, by which receivers know it.
//   - Datagrams leave in the order of the list, and those of one socket are handed over in the
//     order of their arrival, however they are asked for.
//   - A send that fails costs that datagram and no more. It is counted, for its destination and
//     by reason, and logged once in 10 seconds.
//   - An owner that is behind loses nothing here: the kernel's buffer fills. What the kernel drops then is
//     counted, on Linux.
//
// # What it does not
//
// It does not look into datagrams: who may send what is checked by the engine (ring-protocol §9),
// and own multicasts come back. It does not keep a topology up to date: a changed configuration
// needs a new transport. It does not tell a firewall's silence from a loss. Where there is no Unix, a multicast address is bound as the
// wildcard address.
//
// # Limits
//
// 1472 bytes on the data port, longer packets are dropped; 65507 on the token port. 64 batches of up
// to 32 packets and 8 tokens are on their way at once, 4 MiB (what the kernel gives, see [Stats]) in each
// socket. Send waits 50 ms for the kernel when its buffers are full, then drops.
//
// A packet takes a slot of 1536 bytes in a block of 64 KiB, which 42 packets share and which is free
// when the last of them is. The ring keeps packets in order and discards them in order, so few
// blocks are kept for the sake of one packet; the worst case is 64 KiB a packet, when only
// each 42nd that arrives is one to keep.
//
// # Measured
//
// As ratios within one run on the loopback of a machine with four cores, full packets:
//
//	receive    recvmmsg of ours 1, ReadBatch 1.1 (and two allocations each), one by one 1.8
//	send 20    batch 1, with Segment 0.18, one by one 1.35
//	send 1     batch 1.05, one by one 1
//	blocks     a slot of 42 in one block 1.5 ns, a block for two 23 ns, its own 49 ns, when
//	           32 arrive at once; 40, 45 and 48 ns when one does
//	rotation   of a token between two daemons: an owner that waits for its sockets 1, one
//	           that is woken by readers 1.5
//
// The benchmarks of these names repeat it.
//
// # How to debug
//
// [Transport.Stats] counts by reason, [Transport.Failed] by destination. [Config.Filter] makes a bad network in
// tests; package transporttest has one that works from a seed.
//
// # References
//
// docs/spec/ring-protocol.md §1, §10, §18.3; docs/spec/spread-conf.md §4, §6.
package transport
