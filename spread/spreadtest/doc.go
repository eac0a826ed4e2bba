// Package spreadtest is a daemon in memory, for tests of programs that use
// package spread. It speaks the client protocol as a daemon that is alone in
// its ring does: handshake, groups with their membership messages, messages in
// one total order.
//
//	d := spreadtest.New("alpha")
//	defer d.Close()
//	c, err := spread.Dial(ctx, "4803", spread.WithDialer(d.Dial))
//
// Beyond that it does on command what real daemons do at bad moments: it
// refuses ([Daemon.Reject]), is down ([Daemon.SetDown]), stops reading
// ([Daemon.SetStalled]) and drops a session ([Daemon.Drop]).
//
// # What it does not do
//
// It is no daemon to work with. It has no ring, so no message is ever late and
// membership never changes by the network; it offers the method NULL alone; it
// queues what a client does not read without bound. It refuses illegal
// requests by dropping the session (client-protocol §8).
//
// Connections are those of net.Pipe, so that it works in a bubble of
// testing/synctest; [Daemon.Serve] serves real sockets.
package spreadtest
