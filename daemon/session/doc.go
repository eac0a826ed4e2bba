// Package session is a daemon's side of its clients' connections: it accepts
// them, shakes hands, reads their messages, and writes what is delivered to them.
//
// # How it fits together
//
//	listener ── handshake ── reader ──▶ Inbox (batches) ──▶ owner of the engine
//	                         writer ◀── output queue    ◀──
//
// A [Server] runs one goroutine for each listener, one for each handshake, and a reader and
// a writer for each session. The reader takes as many messages as a read brings, checks their headers,
// and hands them to the owner in one [Batch]. The writer puts as many as there are into one
// writev. A message is never copied: batches and queues hold references to the block it was
// read into.
//
// # What the owner has to do
//
// Receive from [Server.Inbox]; the batches of one session come in order, first
// one of kind [Opened], last one of kind [Gone]. Call [Session.Enqueue] for each delivery and, once a step,
// [Session.Flush] for each session touched; when Enqueue reports that a session is too slow, or Gone has come, put its
// disconnect into the order, and call [Server.End] when that is delivered. [Batch.Done] returns a batch.
//
// # What it guarantees
//
//   - A client can cost only its own session: every count and length is
//     checked before it is used, and each refusal has a counter ([Stats]).
//   - No write blocks the owner. A session whose client does not read is
//     refused at [Config.MaxSessionMessages] messages (client-protocol §12.2).
//   - A name is taken from the handshake until [Server.End].
//
// # Limits
//
// 997 sessions, 1024 handshakes at a time, 10 seconds for each; 64 batches of at most 256
// messages between readers and owner. All are in [Config] but the last.
//
// # How to debug
//
// [Server.Stats] counts every end of a handshake or session by reason; at level Debug each
// is logged with the peer.
//
// # References
//
// docs/spec/client-protocol.md; docs/operate/compatibility.md for what differs from C daemons on purpose.
package session
