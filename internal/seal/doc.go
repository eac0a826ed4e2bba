// Package seal encrypts and authenticates the datagrams of a ring with keys that its daemons share.
//
// # How it fits together
//
//	keys file ──▶ [Parse] ──▶ [Keyring] ──▶ [Node] ◀── [Node.Configure]: daemons, hash
//	                                         │
//	plain datagram ──▶ [Node.Seal] ──▶ sealed datagram ──▶ [Node.Open] ──▶ plain datagram
//	                                                          └──▶ [Node.Sends]: challenges, answers
//
// A [Node] is a process: a daemon, or a monitor. It is a pure machine with one owner: it gets the
// time and the datagrams, and returns those to send. The source of random numbers is passed in.
//
// # What it guarantees
//
//   - What [Node.Open] returns was sealed by a process with a key of the file, for this receiver, as this
//     kind, from the address that the configuration has for it, with the same configuration, by the
//     life of that process that is running now, and was not returned before.
//   - No input panics, and a refusal changes nothing but a counter of its reason.
//   - Nonces do not repeat, over restarts and changes of keys too.
//
// # What it does not
//
// It does not hide lengths, times, senders and the number of datagrams. It cannot distinguish a
// daemon from another process that has the key and the address. It reads no files and logs nothing.
//
// # Limits
//
// A file has at most [MaxKeys] keys. At most 16 monitors are known at a time. The replay window has
// 16384 counters. A sealed datagram is [Overhead] bytes longer.
//
// # References
//
// docs/spec/sealing.md; ADR 9. RFC 5869, RFC 5116, RFC 8439, NIST SP 800-38D.
package seal
