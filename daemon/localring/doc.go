// Package localring runs rings of daemons in this process, on free ports of the loopback address:
// for the demo, for tests of clients, and for benchmarks.
//
//	r, err := localring.New(ctx, localring.Config{Names: []string{"alpha", "beta"}})
//	...
//	defer r.Close()
//	daemons, err := r.StartAll(ctx)
//	...
//	conn, err := spread.Dial(ctx, daemons[0].Address())
//
// Every daemon has a segment of its own, because daemons of one segment share a port. Timeouts are
// a fraction of the defaults, so that a ring forms within a second or two.
//
// # What it does not guarantee
//
// A port that was free when New returned may be in use when its daemon starts, if another program
// binds fixed ports of the same range (package freeport). Start then returns an error.
//
// Tests use package localringtest, which takes a testing.TB. Rings of processes on networks of
// their own are in integration/ringtest.
package localring
