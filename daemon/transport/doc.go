// Package transport is the UDP plumbing of a daemon's ring: it opens the sockets that
// the configuration asks for, sends what the machines want sent, and hands over what arrives.
//
// # How it fits together
//
//	data sockets  ── reader ──▶ Data (batches)   ──▶ owner of the engine
//	token sockets ── reader ──▶ Tokens (batches) ──▶
//	send socket   ◀── Send (a list of datagrams) ◀──
//
// [Open] binds and joins; one goroutine reads each receive socket into pooled blocks. On
// Linux a system call moves up to 32 datagrams in and 64 out, without an allocation and, on
// the way out, without a copy; with [Config.Segment] the kernel even walks its stack once for
// 44 of them. Elsewhere a call moves one.
//
// # What the owner has to do
//
// Receive from [Transport.Data] and [Transport.Tokens] and give each [Batch] back with
// [Batch.Done]; retain the block of what is kept for longer. With a token in the hand, and
// unless the ring says that tokens go first, take all data before it:
//
//	case b := <-t.Tokens():
//		for !ring.TokenFirst() {
//			d := t.PollData()
//			if d == nil {
//				break
//			}
//			handle(d)
//		}
//		handle(b)
//	case b := <-t.Data():
//		handle(b)
//		if ring.TokenFirst() {
//			if b := t.PollTokens(); b != nil {
//				handle(b)
//			}
//		}
//
// One goroutine does all this and calls [Transport.Send]. Or the readers do it, under a lock:
// [Config.Notify].
//
// # What it guarantees
//
//   - Datagrams leave from the daemon's configured address, by which receivers know it.
//   - Datagrams leave in the order of the list, and those of one socket are handed over in the
//     order of their arrival, however they are asked for.
//   - A send that fails costs that datagram and no more. It is counted, for its destination and
//     by reason, and logged once in 10 seconds.
//   - An owner that is behind loses nothing here: readers stop, and the kernel's
//     buffer fills. What the kernel drops then is counted, on Linux.
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
// to 32 packets and 8 tokens wait for the owner, 4 MiB (what the kernel gives, see [Stats]) in each
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
//	rotation   of a token between two daemons: a plain socket 1, Notify 1.3, through
//	           the channel 1.6, and 1.8 with PollData before each token
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
