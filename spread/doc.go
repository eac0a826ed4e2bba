// Package spread is a client library for the Spread group communication system. A program connects
// to a Spread daemon, joins groups, sends messages to groups and receives the messages of others,
// in an order that is the same for all.
//
// The API follows semantic versioning: within a major version it only grows. Before version 1.0.0 a
// minor version may change it, and the changelog says how. Methods may be added to [Connection] and
// event types to [Event] in any minor version.
//
// # Use
//
// [NewClient] returns a [Client] for one or more daemons. It connects, reconnects after a failure
// and joins its groups again. [Client.Receive] returns messages, and reports each gap as an event.
//
// [Dial] opens a [Conn], a single connection without reconnects. [Conn.Join], [Conn.Leave] and
// [Conn.Multicast] send requests, [Conn.Receive] and [Conn.Events] return what the daemon delivers,
// and [Conn.Close] ends the session in order. Any number of goroutines may call the methods of a
// Conn.
//
// A program that joins groups or can get private messages must keep receiving. Daemons drop a
// client that leaves too much unread: 64 MiB by default, C daemons 1000 messages. A Client reports
// with [*Slow] that it is falling behind. With [WithNotices] spreadd itself says so before it drops a
// client, and explains changes of the ring.
//
// # What it guarantees
//
//   - Messages that one goroutine sends leave in the order of its calls, each of them whole. A
//     context that ends during a call never cuts a message in two and never loses a received one.
//   - It sends no request that a daemon answers by dropping the session; such calls return an error
//     at once.
//   - Data from the daemon is checked against the limits of package wire before memory is allocated
//     for it.
//   - In steady state sending allocates nothing, nor does [Conn.ReceiveInto]. [Conn.Receive]
//     allocates about as many bytes as arrive, in chunks.
//
// # What it does not guarantee
//
//   - Delivery. The protocol has no acknowledgement: a call that succeeds has put a message into a
//     buffer, and [Conn.Flush] reports that the kernel has it. A program that needs to know sends
//     to a group of which it is a member, or to itself, and waits for its own message.
//   - Recovery of a failed Conn. Dial a new one or use a Client. Messages that were not flushed
//     before the failure may or may not have been sent ([Client.Do]).
//   - Order and safety beyond the message's [Service].
//
// # Limits
//
// A message goes to at most 100 groups. Its payload and 32 bytes for each group are at most 143151
// bytes together ([MaxPayload]). Group names have 1 to 31 bytes, private names 1 to 10. A
// connection holds up to twice its send buffer (256 KiB, [WithSendBuffer]). For receiving it holds
// chunks of 64 KiB, or one whole message of any length that the protocol allows a daemon.
//
// # Errors
//
// All errors are [*Error] values. Their kinds have libspread's names and numbers, and are errors
// themselves:
//
//	if errors.Is(err, spread.ErrRejectNotUnique) { ... }
//
// # Debugging
//
// wire.Dump prints messages, one line for each. A dialer that wraps the connection ([WithDialer])
// can show the traffic. Package spreadtest has a daemon in memory for tests.
//
// References: docs/spec/client-protocol.md.
package spread
