// Package monitor talks to the daemons of a spread.conf as a monitor does: it asks
// for their status, cuts them off from each other for tests, ends them, sets their
// windows, and has them read their file again (monitor-protocol).
//
//	c, err := monitor.Open(ctx, monitor.Config{Conf: conf, Self: self})
//	...
//	err = c.Query(c.All()...)
//	r, err := c.Receive() // one at a time, as they come
//
// # What it guarantees
//
// Requests are those of the original's protocol, which daemons of Spread 5.0.1
// understand, and so are daemons of theirs understood here. A report is taken for that
// of a daemon only if it comes from where the configuration has that daemon. Query and
// the commands may be called while another goroutine waits in Receive.
//
// # What it does not
//
// Datagrams get lost, so that no answer may mean a daemon that is down, one that has
// another configuration, or a bad network; nothing is repeated beyond what the protocol
// does. Daemons do not acknowledge commands; ask for their status. They obey
// only with DangerousMonitor = true in their file, but for Reload.
//
// The protocol knows no secret: whoever can send from a configured address is a
// monitor. One of the configured addresses must be this host's.
//
// # Limits
//
// 128 daemons; with exactly 128 the ring's window cannot be set.
//
// # How to debug
//
// [Conn.Ignored] counts what has arrived and was no report. Daemons count and log what
// they refuse; those with another configuration hash do not answer.
//
// References: docs/spec/monitor-protocol.md.
package monitor
