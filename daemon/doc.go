// Package daemon is the plumbing of spreadd: the goroutine that owns the engine,
// the listeners, and what connects the two.
//
// # How it runs
//
// [New] checks the configuration, [Daemon.Listen] binds, [Daemon.Run] works until its context ends. One goroutine
// owns the engine; it takes batches from the sessions' inbox, lets the engine decide, and
// carries the effects out: messages into output queues, ends of sessions, releases of
// blocks. It holds no lock while it does so, and never waits for a client. When there is nothing to do
// it waits for the ring's sockets, its next deadline and whoever wakes it, with package poller.
//
// # Back-pressure
//
// Publishers are read as fast as the engine orders. Two things hold them back: the ring,
// when too many messages wait for it, and receivers on this daemon that are behind: half of their
// bound waits. Then publishers are not read until it is down to a quarter, so that a
// hiccup of a subscriber does not end it. How long that may take is limited for each receiver
// ([Config.Grace]), so that one that has stopped cannot hold up the others.
//
// The ring itself waits for such a receiver as well, since what other daemons send
// would end it too, but for a tenth of a second in all, and never for more than a tenth of the token
// timeout.
//
// # The ring
//
// Datagrams come in batches from package transport and go to the engine; what it
// wants sent leaves before anything else is done. Monitors are answered, and obeyed if
// [Config.DangerousMonitor] says so. Clients are served from the first membership
// on; until then they wait in the listeners.
//
// # What it does not
//
// It does not read its configuration again, also if a monitor asks for it; Config
// is what it runs on to its end. Package metrics serves its counters.
//
// # How to debug
//
// [Daemon.Stats] has all counters. Log lines come from log/slog; Debug shows each connection's end.
//
// # References
//
// docs/architecture.md; docs/spec/client-protocol.md §11, §12; docs/spec/daemon-operations.md.
package daemon
