// Package peer lets log hosts read each other's log files over TCP: a [Server] serves the indexes and
// contents of log files, and a [Client] reads them as a [lineindex.Source].
//
//	proto.go    the bytes: frames, requests and answers
//	server.go   [Server]: one goroutine for each connection
//	client.go   [Client]: connections to one server, reused
//	rate.go     the limit of bytes per second
//
// # Guarantees
//
//   - A server only reads. It serves log files that have an index and match the template of a log,
//     and nothing outside of the directories of its logs: symbolic links that lead out of them are
//     refused.
//   - It serves only addresses that [ServerConfig.Allow] permits.
//   - Everything is bounded: connections, lengths of frames, bytes per second, and how long it waits
//     for a client that neither sends nor reads.
//   - Decoders take any bytes without panic, and allocate no more than a frame.
//   - A file that was renamed or compressed after it was listed is found again. If it was replaced, the
//     error is [lineindex.ErrChanged].
//
// # What it does not
//
// It does not encrypt, and takes a peer for what its address says.
//
// # References
//
// docs/spec/log-protocol.md, section 6.
package peer
