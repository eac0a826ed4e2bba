// Package engine joins the three machines of a daemon (ring, membership,
// groups) into one that is as pure as they are: which message goes to whom, what
// is installed where when a ring forms, one merged deadline, one list of
// effects. The daemon and the simulator both drive it.
//
// # What the caller has to do
//
// [Engine.Start] once; then [Engine.Connect], [Engine.Submit] and [Engine.Disconnect] for local sessions, and
// [Engine.Advance] at [Engine.Deadline]. After each call, or after several, carry out the [Effects] in
// the order of their fields and Reset them. [Engine.Reload] takes another configuration at any time, and
// brings it into force when the machines can take it.
//
// # What it guarantees
//
// Messages of one session are ordered as they were submitted. A session that was
// disconnected gets nothing more. What a local client may not ask is refused
// with a reason ([Reason]) and costs nobody else anything.
//
// # What it does not
//
// It does not check the lengths and types of messages: the session layer
// does, when it takes them from the client (client-protocol §8).
//
// # References
//
// docs/develop/adr/0002-the-engine-is-a-machine.md; docs/spec/client-protocol.md §7.
package engine
