// Package logsub is the subscriber: it joins groups and writes what is sent to them
// to files. It is what spreadlogd was, as a package; cmd/logsub is the
// program.
//
// # How it runs
//
//	daemon ──▶ receiver ──▶ queue (bounded) ──▶ writer ──▶ files
//
// Each connection has a receiver, which does nothing but read, so that a slow disk never makes the
// daemon cut us off. One writer takes what has come, as much as there is, passes it through
// the logs of its groups, and flushes the files when it has caught up.
//
// # What it guarantees
//
//   - Bytes are written as they were sent, in the order of delivery: two subscribers
//     with the same configuration that stay connected write the same files
//     ([accesslog.Format] of none).
//   - A message to several groups is written once for each [Log] that names one
//     of them.
//   - A connection that ends is dialed again, after 50 ms at first and 5 s at
//     most, and the groups are joined again.
//   - Every message that is not written is counted by reason ([Stats]).
//
// # What it does not
//
// Lines that are sent while it is not connected are lost: the protocol has no
// history. How long that was is logged.
//
// # Limits
//
// The queue holds [Config.QueueBytes], 64 MiB; beyond that the newest messages are dropped.
// Messages longer than [Config.BufferSize] are dropped, as spreadlogd does, or cut.
//
// # References
//
// docs/spec/spreadlogd.md §8, §13, §14.
package logsub
