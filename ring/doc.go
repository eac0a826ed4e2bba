// Package ring is the machine that puts messages in one total order: within a membership it numbers
// packets, recovers lost ones, and decides when a message may be delivered. It also brings the
// members of an old ring to the same point before a new ring begins (extended virtual synchrony).
//
// # What the caller has to do
//
// Pass in each input with the time: data packets ([Ring.HandlePacket]), hurries
// ([Ring.HandleHurry]), regular tokens ([Ring.HandleToken]), and the messages of local sessions
// ([Ring.Submit]) and of the groups layer ([Ring.SubmitGroups]). Call [Ring.Advance] at
// [Ring.Deadline]. After each call, carry out the [Effects] in the order that their comment gives.
//
// Pass on what the other machines decide: [Ring.Stop] when a ring is lost or a new one begins to
// form, [Ring.Recover] when the second form token is read, [Ring.SetExchange] and
// [Ring.SetDelivery] when the groups layer begins and ends its exchange. Before a datagram comes
// here, the caller has checked its length, configuration hash, transmitter and address, and has
// relayed it if it is routed (ring-protocol §9, §10.3).
//
// The machine has no clock, socket, goroutine or log.
//
// # What it guarantees
//
// All members deliver messages in the same order; only reliable messages that fit in one packet may
// come earlier. A safe message is delivered when every member has it. A daemon delivers its own
// messages, in the ring that they were sent in or in the transitional configuration after it.
// Members that go from one ring to the next together deliver the same messages. Nothing is
// delivered twice.
//
// No input panics, hangs or breaks the invariants: invalid input is dropped and counted
// ([Ring.Counts]). The machine never sends anything that would make a C daemon exit (ring-protocol
// §25).
//
// Once tables, queues and pools have grown, nothing is allocated. Messages are copied only to pack
// small ones into one packet, and to assemble long ones of other daemons. A received datagram stays
// in its block until all members have it, and a delivery is a slice of that block.
//
// # What it does not
//
// It does not know why memberships change, or who is in which group. Of messages, it reads only the
// lengths in their headers. It does not save messages: those that wait when a daemon ends are lost.
//
// # Limits
//
// A message has at most 143199 bytes, a packet 1472. Sequence numbers run from 1 to 2^30 in each
// ring. The table holds at most 8192 packets, and no daemon makes new ones while 1600 are unstable.
// At most [Config.QueueMessages] users' messages wait to be sent; beyond that, Submit refuses
// messages until [Ring.Accepting]. A recovery is given up after 500 turns. A token with requests of
// this daemon has at most 1472 bytes, if the requests of other rings leave that room.
//
// # How to debug
//
// [Ring.Status] and [Ring.Counts] show the state of a ring and what it refused. The files in
// testdata are stories, one behavior each; write a new one for what you see. A random schedule that
// fails prints its seed; go test -run Random -seed N -seeds 1 repeats it. TestReplay puts the
// machine in the place of a daemon in a capture.
//
// # References
//
// docs/spec/ring-protocol.md, rule by rule; docs/spec/membership-protocol.md §7.4, §8, §9, §15.
// Amir, Moser, Melliar-Smith, Agarwal, Ciarfella: The Totem Single-Ring Ordering and Membership
// Protocol, ACM TOCS 13(4), 1995. Moser, Amir, Melliar-Smith, Agarwal: Extended Virtual Synchrony,
// ICDCS 1994. Babay, Amir: Fast Total Ordering for Modern Data Centers, ICDCS 2016.
package ring
