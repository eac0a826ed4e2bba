// Package daemon is the plumbing of spreadd: it runs the engine and connects it to the sockets of
// clients, of other daemons and of monitors.
//
// # Where to look
//
//	daemon.go    the exported type, and the state that several goroutines share
//	owner.go     the state of the goroutine that runs the engine
//	loop.go      its loop: take, carry out, sleep
//	take.go      input: datagrams, messages of clients and timers go to the engine
//	carryout.go  output: datagrams are sent, messages delivered, sessions ended
//	listen.go    sockets are opened, clients accepted
//	reload.go    another configuration
//	pacing.go    back-pressure
//	memory.go    the bound of all messages together
//	forming.go   a warning when no ring can be formed
//	monitor.go   monitors are answered and obeyed
//	fromconf.go  spread.conf becomes a Config
//
// # How it runs
//
// [New] checks the configuration, [Daemon.Listen] binds, and [Daemon.Run] works until its context
// ends. The goroutine that calls Run owns the engine. In each turn of its loop it takes a batch
// from the ring and one from the clients, has the engine decide, and carries out the effects:
// datagrams leave first, then messages go into the sessions' output queues, then blocks are
// released. When there is nothing to do, it waits in package poller for the ring's sockets, its
// next deadline and other goroutines.
//
// The owner takes the locks of package session for short moments: to publish what it has staged for
// a client, to write it without blocking if that is little (ADR 6), and to end a session. Nobody
// holds these locks while they wait. The owner itself waits in two places: for a session's writer
// that has not run yet while the client's queue is full, and up to 50 ms for the kernel when the
// buffer of the send socket is full. It never waits for a client: one that does not read is
// disconnected at its bound. When all messages together reach [Config.MaxMemory], the client with
// most waiting is disconnected.
//
// # Back-pressure
//
// Clients are read as fast as the engine orders their messages. They are not read while too many
// messages wait for the ring, nor while a receiver on this daemon is behind, which means that half
// of its bound, or 4 MiB, is queued. They are read again when the queue is down to half of that, so
// a short pause of a subscriber does not end its session. [Config.Grace] limits the time for each
// receiver, and for all together that have stopped, so they cannot hold up the others.
//
// The ring waits for such a receiver too, because messages from other daemons fill its queue as
// well. It waits for a tenth of a second in all, and never for more than a tenth of the token
// timeout.
//
// # The ring
//
// Monitors are answered, and obeyed if [Config.DangerousMonitor] is set. Clients are
// accepted at once; what they send waits for the first membership.
//
// Timers that are due run after the datagrams that have arrived. A daemon that was descheduled for
// longer than the token timeout would otherwise mistake its own delay for silence from the others.
//
// When another configuration takes effect, the ring's sockets are opened anew. Datagrams that
// arrive in between are lost, as on any network; clients do not notice.
//
// # What it does not do
//
// It does not read files: the caller passes another configuration to [Daemon.Reload], and
// [Config.OnReload] reports the monitors' requests. Listeners for clients stay as they are. Package
// metrics exports the counters.
//
// # How to debug
//
// [Daemon.Stats] has all counters. At level Debug the log has the end of each connection.
//
// # References
//
// docs/develop/architecture.md; docs/spec/client-protocol.md §11, §12;
// docs/spec/daemon-operations.md.
package daemon
