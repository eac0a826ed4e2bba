// Package bench loads the daemons of a ring through the client protocol and measures what they
// deliver. Command spbench runs it. It knows a daemon only by its protocol, so it measures C
// daemons as well.
//
// # How it works
//
// [Run] opens publishers and receivers at each daemon, all in this process. Receivers join one
// group. Once all of them are in one view the publishers send, each at a rate, or as fast as the
// slowest receiver accepts. After the warm-up comes the measured time. Then publishers stop, and
// receivers continue until they have everything.
//
// Each payload contains its publisher, its number and its time. Each receiver checks that nothing
// is lost, duplicated or out of order. At the end all must have seen one order, other than for
// services that promise none.
//
// # What figures mean
//
//   - Rates count payloads received within the measured time.
//   - Latency is measured from the moment when a message was due to its arrival at a receiver. A
//     message that was due while its publisher waited for the daemon counts from when it was due;
//     one that was due while the publisher slept counts from when the publisher woke. All times are
//     of one clock. Quantiles are exact to 1.6 percent. At full speed latency shows only how long
//     the queues are.
//   - CPU time and memory of processes are the kernel's. Memory is the resident set, including
//     shared pages.
//
// # What it does not
//
// It starts no daemons and does not look at their network. Publishers and receivers use processor
// time on the same machine; [Result.Self] shows how much.
//
// # Limits
//
// Payloads have [MinSize] to spread.MaxPayload(1) bytes. There are at most 1000 publishers and as
// many receivers. Systems other than Linux have no CPU time, no memory and no network namespaces.
//
// # How to debug
//
// [Result.Views] counts views that arrived during the run. If it is not 0 the ring was unstable and
// the figures mean little.
//
// References: docs/spec/client-protocol.md §11.
package bench
