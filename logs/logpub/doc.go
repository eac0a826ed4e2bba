// Package logpub is the publisher: it reads lines, such as those of a web server's access log, and sends each as a message to a
// group. It replaces mod_log_spread, outside of the web server. cmd/logpub is the program.
//
// # How it runs
//
//	web server ──▶ source ──▶ intake ──▶ queue (bounded) ──▶ sender ──▶ daemon
//	                                       │          ▲
//	                                       ▼          │
//	                                     spool (bounded, on disk)
//
// A source reads and cuts at newlines: standard input, a file, a syslog socket (logs/internal/input). Its intake finds the groups
// of each line and puts lines into the queue (logs/internal/queue). The sender takes a block of lines at a time, hands each line
// to the connection and flushes. Neither side waits for the other, except that a source waits for a short time when the
// queue is full. With [Config.Spool], blocks that have waited for [Config.SpoolAfter], or that fill more than half of the queue,
// are written to the spool. The sender reads them from there, oldest first, when the daemon is back.
//
// # What a message is
//
// One line with its newline, byte for byte, as mod_log_spread sent it (mod_log_spread §1.3), unless [Config.VHost] or
// [Config.VHostWord] change the virtual host in front of it. An empty line is a line. A last line without a newline gets one,
// so that a subscriber's file does not join it to the next.
//
// # What it guarantees
//
//   - Reading never blocks for longer than [Config.BlockTime], whether or not a daemon is reachable: a full pipe stops every
//     worker of a web server (mod_log_spread §2.1). If nothing leaves the queue in that time, lines are dropped at once
//     until something does.
//   - Lines are sent in the order in which they were read. When queue and spool are full, [Config.Policy] says which lines are
//     dropped: the newest, the oldest, or none, and the source waits.
//   - A line counts as sent when every daemon of the ring has it, or with [Sent] when the kernel has it ([spread.Conn.Flush]).
//     What does not count as sent when a connection ends is sent again on the next one, so a line may arrive twice.
//   - Each line read is sent, dropped or waiting. What waits when Run has returned is in the spool.
//   - Lines in the spool outlive the process, however it ends. A restart repeats at most the block that was in flight, and the
//     lines of a block that a kill left neither recorded as sent nor flushed.
//   - The end of a connection is noticed at once. The next attempt comes after 50 ms at first, and 5 s at most.
//   - Sending allocates nothing per line.
//
// # What it does not
//
// That a daemon has a line does not mean that a log host has written it. With [Sent], lines that the kernel took for a daemon
// that then crashes are lost. A kill loses what waits in memory: with a spool, the lines of the last [Config.SpoolAfter],
// and of a pipe with [Written] what was read and is not written yet; without one, all of it. A power cut may lose one second more. With [Config.Plain], messages have no order that several log
// hosts would agree on.
//
// # When the disk fails
//
// Lines then wait in memory, and the queue keeps retrying; see package queue. A spool that cannot be read for 10 s is left
// behind, and adopted again when it can be. Lines that were both in memory and in an abandoned slot may arrive twice.
//
// # How it stops
//
// When the input has ended, what is queued is sent, for at most [Config.DrainTimeout]. When the context of Run ends (SIGTERM),
// reading continues until the input ends, or nothing has come for a second, or half the time is over: a web server that stops
// signals its log programs before its last workers have logged (mod_log_spread §2.1). What has been read is then sent
// as above.
//
// # Limits
//
// The queue holds [Config.QueueBytes], 16 MiB, and the spool [Config.SpoolBytes], 1 GiB. Its directory has 64 slots. A process
// uses one, and a second one while lines wait that no log host acknowledges. Lines longer than [Config.MaxLine] are cut to it and
// keep a newline; the default is what fits into a message, 143119 bytes for one group. A message goes to at most 100 groups.
//
// # Debugging
//
// The log has each connection and its end; drops, every 10 s while there are any; and the counters of [Stats], once a minute if
// they have changed, and at the end. At level Debug it has every failed attempt to connect.
//
// # References
//
// docs/spec/mod_log_spread.md §1.3, §1.4, §2.1, §3.
package logpub
