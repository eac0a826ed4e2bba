// Package session is a daemon's side of its clients' connections. It accepts connections, performs
// the handshake, reads messages, and writes what is delivered.
//
// # How it fits together
//
//	listener ── handshake ── reader ──▶ Inbox (batches) ──▶ owner of the engine
//	                         writer ◀── output queue    ◀──
//
// A [Server] runs one goroutine for each listener and each handshake, and a reader and a writer for
// each session. The reader takes all messages that a read returns, checks their headers, and passes
// them to the owner in one [Batch]. The writer writes all pending messages with one writev. A
// message is never copied: batches and queues hold references to the block that it was read into.
//
// # What the owner has to do
//
// Receive from [Server.Inbox]. The batches of a session arrive in order, the first of kind
// [Opened], the last of kind [Gone]. Call [Session.Enqueue] for each delivery and, at the end of a
// step, [Session.Flush] for each session that got one. When Enqueue reports that a session is too
// slow, or after Gone, submit its disconnect to the order; when that is delivered, call
// [Server.End]. Return each batch with [Batch.Done].
//
// # What it guarantees
//
//   - A client can damage only its own session. Every count and length is checked before it is
//     used, and each refusal has a counter ([Stats]).
//   - No write blocks the owner. A session whose client does not read is refused at
//     [Config.MaxSessionBytes], or at [Config.MaxSessionMessages] if it is set (client-protocol
//     §12.2).
//   - A name and a place are taken from the end of the handshake until [Server.End].
//
// # Limits
//
// There are 10,000 sessions, half of them from one address, 1024 concurrent handshakes of at most 10 seconds, and 64 batches of at
// most 256 messages between the readers and the owner. [Config] sets all of them except the last.
//
// # How to debug
//
// [Server.Stats] counts the end of each handshake and session by reason. At level Debug each is
// logged with the peer. A client that is disconnected for what it sent, or because it does not
// read, is a warning; these are limited to 10 in 10 seconds.
//
// # References
//
// docs/spec/client-protocol.md; docs/operate/compatibility.md for intended differences from C
// daemons.
package session
