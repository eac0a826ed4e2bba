// Package engine joins the ring, membership and groups machines into one machine: it routes packets
// and messages between them, installs each new ring in all three, and has one merged deadline and
// one list of effects. It is as pure as they are. The daemon and the simulator both drive it.
//
// # What the caller has to do
//
// Call [Engine.Start] once; then [Engine.Connect], [Engine.Submit] and [Engine.Disconnect] for
// local sessions, and [Engine.Advance] at [Engine.Deadline]. After each call, or after several,
// carry out the [Effects] in the order of their fields and reset them. [Engine.Reload] takes
// another configuration at any time, and puts it into effect when the machines are ready for it.
//
// # What it guarantees
//
// Messages of one session are ordered as they were submitted. A session that was disconnected gets
// nothing more. A request that a local client may not make is refused with a [Reason], and affects
// nobody else.
//
// # What it does not
//
// It does not check the lengths and types of messages: the session layer does, when it takes them
// from the client (client-protocol §8).
//
// # References
//
// docs/develop/adr/0002-the-engine-is-a-machine.md; docs/spec/client-protocol.md §7.
package engine
