// Package spreadtest is a Spread daemon in memory, for tests of programs that use package spread.
// Its API follows semantic versioning, with package spread: before version 1.0.0 a minor version
// may change it, and the changelog says how.
//
// The daemon speaks the client protocol like a daemon that is alone in its ring: handshake, groups
// with their membership messages, and messages in one total order.
//
//	d := spreadtest.New("alpha")
//	defer d.Close()
//	c, err := spread.Dial(ctx, "4803", spread.WithDialer(d.Dial))
//
// Several daemons make a ring ([NewRing]). Its network splits on command ([Ring.Split]), and what
// clients send takes time to be ordered ([Ring.SetDelay]).
//
// On command it also does what real daemons do at bad moments. It rejects clients
// ([Daemon.Reject]), goes down ([Daemon.SetDown]), stops reading ([Daemon.SetStalled]) and drops a
// session ([Daemon.Drop]).
//
// # What it does not do
//
// It is for tests only. It offers only the authentication method NULL. It queues what a client does
// not read without a bound. It answers illegal requests by dropping the session (client-protocol §8).
//
// Connections are those of net.Pipe, so it works in a bubble of testing/synctest. [Daemon.Serve]
// serves real sockets.
package spreadtest
