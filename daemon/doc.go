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
// A timer that is due runs behind what has arrived by then: a daemon that was kept from its work for longer than
// the token timeout would else take its own lateness for the silence of others.
//
// When another configuration comes into force, the sockets of the ring are opened anew; what arrives in between is lost,
// as on any network, and clients notice nothing of that.
//
// # What it does not
//
// It does not read files: [Daemon.Reload] is handed another configuration, and [Config.OnReload] hears of monitors
// that ask for it. Listeners for clients stay as they are. Package metrics serves its counters.
//
// # How to debug
//
// [Daemon.Stats] has all counters. Log lines come from log/slog; Debug shows each connection's end.
//
// # References
//
// docs/develop/architecture.md; docs/spec/client-protocol.md §11, §12; docs/spec/daemon-operations.md.
package daemon
