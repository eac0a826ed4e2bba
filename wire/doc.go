// Package wire encodes, decodes and dumps every byte format of the Spread protocols, and does
// nothing else. It has no state, does no I/O and imports no other package of this module.
//
// Its API may change in minor versions; the changelog says how. The formats do not change. Programs
// that talk to daemons use package spread, which promises more.
//
// # What is here
//
// The protocol between a client and its daemon (docs/spec/client-protocol.md):
//
//   - [ConnectRequest], [MethodList], [MethodChoice], [PasswordRequest] and [Accept], the steps of
//     the handshake;
//   - [Header], the 48 bytes in front of every message, with [Type], [Hint] and [Name];
//   - [Message], a view of one whole message;
//   - [Membership], the payload of membership messages.
//
// The protocol between daemons (docs/spec/ring-protocol.md, docs/spec/membership-protocol.md,
// docs/spec/groups-protocol.md):
//
//   - [Packet] and [Fragments], which travel on the data port; [Gather], the packets by which
//     daemons find each other;
//   - [Token] with its [Request] entries, and [Form], the tokens that build a ring;
//   - [GroupState], by which daemons exchange their groups.
//
// # What it guarantees
//
//   - Decoding checks lengths before it reads, never panics on any input, and resets the whole
//     value. Counts from the network are checked against the available bytes, or against their
//     limit, before anything depends on them.
//   - Decoding allocates nothing. Slices of a decoded value point into the input and are valid as
//     long as the input is.
//   - Whatever decodes, encodes to the same bytes again, including the bytes after the end of a
//     name.
//
// # What it does not
//
// Decoding checks form, not meaning: whether a client may send a type is up to [Type.CheckRequest],
// not Decode.
//
// # Byte order
//
// Spread writes integers in the sender's byte order and marks that order in the type word
// ([ByteOrder]). Nothing above this package deals with byte order.
//
// # How to debug
//
// [Dump] returns one line of text for a message. Logs, golden files and the tools use the same
// notation.
package wire
