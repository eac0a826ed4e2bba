// Package logsub is the subscriber: it joins groups and writes what is sent to them
// to files, commands, databases and Perl functions. It is what spreadlogd was, and more, as a package; cmd/logsub is the
// program.
//
// # How it runs
//
//	                   ┌▶ queue (bounded) ──▶ writer ──▶ all files ──▶ archiver
//	daemon ──▶ receiver┤
//	                   └▶ queue (bounded) ──▶ writer ──▶ backlog (memory, then disk) ──▶ a command, a table, Perl functions
//
// Each connection has a receiver, which does nothing but read, so that a slow disk never makes the
// daemon cut us off. Each sink, which is all files together, one command, or all Perl functions, has a writer. It takes what has
// come, as much as there is, passes it through the routes of its groups ([Log]: filter, virtual host,
// clock, time stamp, path), and flushes the files when it has caught up. What is no file may be away for hours, so that
// its lines wait in a queue of package queue for a goroutine that hands them on. Files that are closed go to
// an archiver (package archive), which compresses and removes them in the background.
//
// # What it guarantees
//
//   - Bytes are written as they were sent, in the order of delivery. Two subscribers with the
//     same configuration that stay connected write the same files, those of path templates and those cut by
//     size included, unless a log has [ClockReceipt].
//   - A message to several groups is written once for each [Log] that names one
//     of them.
//   - A sink that is slow or stands still holds up no other, and loses only its own lines.
//   - Names that messages bring never leave the directory of their template.
//   - A connection that ends is dialed again, after 50 ms at first and 5 s at
//     most, and the groups are joined again.
//   - Envelopes are taken off, a line that came before is not written again, and numbers that are
//     passed over are counted by publisher (package envelope). With [EnvelopeIndex] that holds over the end of the process, however
//     it comes (package lineindex).
//   - Every message that is not written is counted by reason ([Stats]).
//
// # What it does not
//
// Lines that are sent while it is not connected are lost: the protocol has no
// history. How long that was is logged. docs/logs/logsub.md tells what is lost when.
//
// # Limits
//
// Each queue holds [Config.QueueBytes], 64 MiB; beyond that the newest messages are dropped. As much may wait for
// files that cannot be written, all together. [Config.OpenFiles] files of templates have a descriptor, 256.
// Messages longer than [Config.BufferSize] are dropped, as spreadlogd does, or cut.
//
// Of each connection 65536 streams of lines with envelopes are known, and for each 256 rows of numbers; what was
// silent for the longest, or is lowest, is forgotten.
//
// # How to debug
//
// logsub -check prints the configuration as it was understood ([Config.TOML]). The log says when a
// sink fails and when it works again, and has the counters each minute.
//
// # References
//
// docs/logs/logsub.md; docs/spec/spreadlogd.md §8, §11, §13, §14.
package logsub
