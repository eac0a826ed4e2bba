// Package spread is a client of the Spread group communication system: it
// connects a program to a Spread daemon, with which the program joins groups,
// sends messages to groups and receives those of others, in an order that is
// the same for all.
//
// # Use
//
// [Dial] opens a connection. [Conn.Join], [Conn.Leave] and [Conn.Multicast]
// hand requests to it, [Conn.Receive] and [Conn.Events] return what the daemon
// delivers, [Conn.Close] ends the session in order. All methods may be called
// from any number of goroutines.
//
// A program that joins groups must go on receiving, and one that can be sent
// private messages should: daemons drop a client that leaves too many messages
// (1000 by default) unread.
//
// # What it guarantees
//
//   - Messages accepted from one goroutine leave in the order of its calls,
//     each whole. A context that ends during a call never cuts a message in
//     two and never loses a received one.
//   - It sends no request that a daemon answers by dropping the session;
//     such calls return an error at once.
//   - What the daemon sends is checked against the limits of package wire
//     before memory is set aside for it.
//   - Sending allocates nothing in steady state, nor does [Conn.ReceiveInto];
//     [Conn.Receive] allocates about as many bytes as arrive, in chunks.
//
// # What it does not guarantee
//
//   - That a message was delivered. The protocol knows no acknowledgement: a
//     call that succeeds has put a message in a buffer, and [Conn.Flush] says
//     that the kernel has it. Programs that need to know send to a group of
//     which they are a member, and wait for their own message.
//   - A way back after a failure. A Conn that has failed stays so; dial a new
//     one, join again, and count messages not flushed before the failure as
//     perhaps sent.
//   - Order and safety beyond the message's [Service].
//
// # Limits
//
// A message goes to at most 100 groups; payload and 32 bytes a group are at
// most 143151 bytes together ([MaxPayload]). Group names have 1 to 31 bytes,
// private names 1 to 10. A connection holds up to twice its send buffer (256
// KiB, [WithSendBuffer]) and, for receiving, chunks of 64 KiB, or one whole
// message of any length the protocol allows a daemon.
//
// # Errors
//
// All errors are [*Error] values. Their kinds have libspread's names and
// numbers and are errors themselves:
//
//	if errors.Is(err, spread.ErrRejectNotUnique) { ... }
//
// # Debugging
//
// wire.Dump prints what travels, one line a message; a dialer that wraps the
// connection ([WithDialer]) can show it. Package spreadtest has a daemon in
// memory for tests.
//
// References: docs/spec/client-protocol.md.
package spread
