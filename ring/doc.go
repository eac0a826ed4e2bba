// Package ring is the first machine of a daemon: within one membership it gives
// every message a place in one total order, gets back what was lost, and tells when a message
// may be delivered. It also brings the members of an old ring to the same point
// before a new one begins (extended virtual synchrony).
//
// # What the caller has to do
//
// Hand in what arrives, with the time: data packets ([Ring.HandlePacket]), hurries
// ([Ring.HandleHurry]), regular tokens ([Ring.HandleToken]), and the messages of
// local sessions ([Ring.Submit]) and of the groups layer ([Ring.SubmitGroups]).
// Call [Ring.Advance] when [Ring.Deadline] has come. Carry out the [Effects] after each call, in the
// order that they tell. Tell what the other machines decide: [Ring.Stop] when a
// ring is lost or one begins to form, [Ring.Recover] when the second form token
// is read, [Ring.SetExchange] and [Ring.SetDelivery] when the groups layer closes and opens its
// gates. Before a datagram comes here the caller has checked its length, configuration hash,
// transmitter and address, and has relayed it if it is routed (ring-protocol §9,
// §10.3).
//
// Time comes in as an argument; the machine has no clock, no socket, no
// goroutine and no log.
//
// # What it guarantees
//
// Messages are delivered in one order, the same at all members; reliable ones that fit
// one packet may come earlier. A safe message is delivered when every member has
// it. What a daemon sends is delivered to itself, in the ring that it was sent in or the
// transitional configuration behind it. Members that go from one ring to the next
// together deliver the same. Nothing is delivered twice.
//
// No input panics, hangs or breaks the invariants: what is not as it has to be is
// dropped and counted ([Ring.Counts]). What would end a C daemon is never sent
// (ring-protocol §25).
//
// Once tables, queues and pools have grown, nothing is allocated and no message
// is copied but to pack small ones into one packet and to put long ones of
// others together: a received datagram stays in its block until all have it, and what is
// delivered is a slice of it.
//
// # What it does not
//
// It does not know why memberships change, nor who is in which group. It does not
// look into messages, but for the lengths in their headers. It does not save
// messages: those that wait when a daemon ends are lost.
//
// # Limits
//
// A message has at most 143199 bytes, a packet 1472. Numbers run from 1 to 2^30 in
// each ring. At most 8192 packets are held, and nobody makes new ones when 1600 are not
// stable. [Config.QueueMessages] users' messages wait to be sent; beyond that
// Submit refuses until [Ring.Accepting]. A recovery is given up after 500 turns.
// A token with requests of this daemon has at most 1472 bytes, if those of other
// rings leave the room.
//
// # How to debug
//
// [Ring.Status] and Counts say where a ring stands and what it refused. The files
// in testdata tell how it behaves, one story each; write another one for what you
// see. A random schedule that fails prints its seed; go test -run Random -seed N -seeds 1
// runs it again. TestReplay puts the machine in the place of a daemon in a
// capture.
//
// # References
//
// docs/spec/ring-protocol.md, rule by rule; docs/spec/membership-protocol.md §7.4,
// §8, §9, §15. Amir, Moser, Melliar-Smith, Agarwal, Ciarfella: The Totem
// Single-Ring Ordering and Membership Protocol, ACM TOCS 13(4), 1995. Moser, Amir,
// Melliar-Smith, Agarwal: Extended Virtual Synchrony, ICDCS 1994. Babay, Amir: Fast
// Total Ordering for Modern Data Centers, ICDCS 2016.
package ring
