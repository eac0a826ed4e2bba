// Package bench loads the daemons of a ring through the client protocol, and measures what comes out. It is what
// cmd/spbench runs, and knows a daemon only by its protocol: daemons of C do as well as ours.
//
// # How it works
//
// [Run] opens publishers and receivers at each daemon, all in this process. Receivers join one group; once all of them
// are in one view the publishers send, each at a rate, or as fast as the slowest receiver takes what it sends. After a time to warm up comes the
// measured time. Then publishers stop, and receivers go on until they have everything.
//
// Each payload says who sent it, which it is, and when. So each receiver checks that nothing is lost, comes twice or
// overtakes; and at the end all must have seen one order (but for the services that promise none).
//
// # What figures mean
//
//   - Rates count payloads that a receiver took within the measured time.
//   - Latency is from the moment when a message was due to that when its receiver had it. One that was due while its
//     publisher waited for the daemon counts from when it was due; one that was due while the publisher slept, from when that woke. All
//     of it is on one clock. Quantiles are exact to 1.6 percent. At full speed it says how long the queues are, and nothing else.
//   - CPU time and memory of processes are the kernel's. Memory is the resident set, with what is shared.
//
// # What it does not
//
// It starts no daemons, and does not look at their network. Publishers and receivers take processor time on the same machine, of
// which [Result.Self] has the amount.
//
// # Limits
//
// Payloads have [MinSize] to spread.MaxPayload(1) bytes. There are at most 1000 publishers and as many receivers. On systems
// other than Linux there is no CPU time, no memory and no entering of namespaces.
//
// # How to debug
//
// [Result.Views] counts views that came while it ran: where it is not 0 the ring was not at rest, and figures say little.
//
// References: docs/spec/client-protocol.md §11.
package bench
