// Package logsub is the subscriber: it joins groups and writes their messages to files, commands,
// databases and Perl functions. It replaces spreadlogd. cmd/logsub is the program.
//
// # How it runs
//
//	                   ┌▶ list ──▶ writer: routes ──▶ filesink ──▶ files
//	daemon ──▶ receiver┤
//	                   └▶ list ──▶ writer: routes ──▶ queue (memory, then disk) ──▶ a command, a table, Perl
//
// Each connection has a receiver (receiver.go). It does nothing but read, so that a slow disk never
// makes the daemon disconnect us. Each sink has a writer (writer.go): all files together, each
// command, each table, and all Perl functions together. The writer takes whatever its receivers
// have put into its list, applies the route of each log (route.go: patterns, filter, virtual host,
// clock, time stamp), and puts the lines into the sink (package sink; sinks.go opens them). Sinks
// other than files may be away for hours, so their lines wait in a queue.
//
// # Guarantees
//
//   - Bytes are written as they were sent, in the order of delivery. Two subscribers with the same
//     configuration that stay connected write identical files, including those of path templates
//     and those cut by size, unless a log has [ClockReceipt].
//   - A message to several groups is written once for each [Log] that names one of them.
//   - A sink that is slow or failing delays no other sink, and loses only its own lines.
//   - Names in messages never leave the directory of their template.
//   - A lost connection is made again, after 50 ms at first and 5 s at most, and the groups are
//     joined again.
//   - Envelopes are removed, duplicates are dropped, and skipped numbers are counted by publisher
//     (package envelope). With [EnvelopeIndex] this holds over a restart and a crash, too (package
//     lineindex).
//   - Every message that is not written is counted by reason ([Stats]).
//
// # Limits
//
// Lines that are sent while logsub is not connected are lost, because the protocol has no history;
// the log says how long that was. docs/logs/logsub.md lists what is lost when.
//
// Each list holds [Config.QueueBytes], 64 MiB; beyond that the newest messages are dropped. The
// same limit applies to each queue, and to all lines that wait for files that cannot be written. Up
// to [Config.OpenFiles] files of templates, 256, hold a descriptor. Messages longer than
// [Config.BufferSize] are dropped, as in spreadlogd, or truncated.
//
// A connection remembers 65536 streams of lines with envelopes, and 256 ranges of numbers of each.
// The stream that was silent for the longest is forgotten first, and the lowest range.
//
// # How to debug
//
// logsub -check prints the configuration as understood ([Config.TOML]). The log reports when a sink
// fails and when it works again, and has the counters once a minute.
//
// # References
//
// docs/logs/logsub.md; docs/spec/spreadlogd.md §8, §11, §13, §14.
package logsub
