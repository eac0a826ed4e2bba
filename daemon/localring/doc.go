// Package localring runs rings of daemons in a test's process, on free ports of
// the loopback address, for tests of what talks to daemons from outside.
//
// Every daemon has a segment of its own, since daemons of one segment share a
// port. Timeouts are a fraction of the defaults. Daemons end with their test.
//
// It does not guarantee that a port is still free when its daemon starts: another
// program may have taken it since. The test then fails, and says so.
package localring
