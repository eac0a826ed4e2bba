// Package daemon is the plumbing of spreadd: the goroutine that owns the engine,
// the listeners, and what connects the two.
//
// # How it runs
//
// [New] checks the configuration, [Daemon.Listen] binds, [Daemon.Run] works until its context ends. One goroutine
// owns the engine; it takes batches from the sessions' inbox, lets the engine decide, and
// carries the effects out: messages into output queues, ends of sessions, releases of
// blocks. It holds no lock while it does so, and never waits for a client.
//
// # Back-pressure
//
// Publishers are read as fast as the engine orders. Two things hold them back: the ring,
// when too many messages wait for it, and receivers on this daemon that are behind: half of their
// bound waits. Then publishers are not read until it is down to a quarter, so that a
// hiccup of a subscriber does not end it. How long that may take is limited for each receiver
// ([Config.Grace]), so that one that has stopped cannot hold up the others.
//
// # What it does not
//
// It does not talk to other daemons: each runs alone in its ring, whatever its configuration lists.
//
// # How to debug
//
// [Daemon.Stats] has all counters. Log lines come from log/slog; Debug shows each connection's end.
//
// # References
//
// docs/architecture.md; docs/spec/client-protocol.md §11, §12; docs/spec/daemon-operations.md.
package daemon
