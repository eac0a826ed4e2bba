// Package logpub is the publisher: it reads lines, such as those of a web server's
// access log, and sends each as a message to a group. It is what mod_log_spread was,
// outside of the web server; cmd/logpub is the program.
//
// # How it runs
//
//	web server ──▶ pipe ──▶ reader ──▶ queue (bounded) ──▶ sender ──▶ daemon
//	                                     │          ▲
//	                                     ▼          │
//	                                   spool (bounded, on disk)
//
// The reader does nothing but read, cut at newlines and put lines into the queue. The
// sender takes what has come, a block of lines at a time, hands each line to the
// session and flushes. Neither waits for the other, save that the reader does so for a
// short while when the queue is full. With [Config.Spool] blocks that have waited for
// [Config.SpoolAfter], or that fill more than half of the queue, are written to package spool; the sender
// reads them from there, oldest first, when the daemon is back.
//
// # What a message is
//
// One line with its newline, byte for byte, as mod_log_spread sent it
// (mod_log_spread §1.3), unless [Config.VHost] or [Config.VHostWord] change the virtual host in front of it. An empty line is a line. A last line without a newline gets one,
// so that a subscriber's file does not join it to the next.
//
// # What it guarantees
//
//   - Reading never rests longer than [Config.BlockTime], be there a daemon or not: a
//     pipe that is full stops every worker of a web server (mod_log_spread §2.1). If nothing
//     has left the queue in that time, lines are dropped at once until something does.
//   - Lines are sent in the order in which they were read. When queue and spool are full [Config.Policy] says
//     which are dropped: the newest, the oldest, or none, and the reader waits.
//   - A line counts as sent when the kernel has it ([spread.Conn.Flush]). What was handed to a
//     session and not flushed when that ended is sent again on the next one: a line
//     may arrive twice.
//   - Lines taken are lines sent, dropped or waiting; what waits when Run has returned is in the spool.
//   - Lines in the spool outlive the process, however it ends. A start repeats at most the block that was
//     under way, and the lines of a block that a kill left neither noted as sent nor flushed.
//   - A connection that ends is noticed at once, and dialed again after 50 ms at first and 5 s
//     at most.
//   - Sending allocates nothing per line.
//
// # What it does not
//
// The protocol has no acknowledgement: what the kernel took for a daemon that then dies is
// lost, though it counts as sent. What waits in the queue is lost when the process is
// killed: with a spool, what came within [Config.SpoolAfter]; without one, all of it. A power cut
// may take a second more. [spread.Reliable], the default as in mod_log_spread, promises
// no order on the way; choose [spread.Agreed] where several log hosts must agree on one.
//
// # When the disk fails
//
// A spool that cannot be written or is full leaves lines in memory, is told once and tried again each second
// (a full one each 100 ms). One that cannot be read is waited for during 10 s; then its files are left, and
// what comes goes over memory. A slot of the spool directory that can be used is looked for each 30 s, and slots that
// other processes have left are adopted: sent, and then removed. What was both in memory and in an abandoned slot
// may arrive twice.
//
// # How it stops
//
// When the input has ended, what is queued is sent, for at most [Config.DrainTimeout].
// When the context of Run has ended (SIGTERM) reading goes on until the input ends, or
// nothing has come for a second, or half the time is over, since a web server
// that stops signals its log programs before its last workers have logged (mod_log_spread
// §2.1). What has been read is then sent as above.
//
// # Limits
//
// The queue holds [Config.QueueBytes], 16 MiB, and the spool [Config.SpoolBytes], 1 GiB; up to 64 processes share
// its directory. Lines longer than [Config.MaxLine], by default
// what fits into a message (143119 bytes for one group), are cut to it and keep a
// newline. A message goes to at most 100 groups.
//
// # Debugging
//
// The log tells each connection and its end, drops every 10 s while there are any,
// and the counters of [Stats] once a minute if they have changed, and at the end. A
// level of Debug adds every failed attempt to connect.
//
// # References
//
// docs/spec/mod_log_spread.md §1.3, §1.4, §2.1, §3.
package logpub
