// Command spreaddemo shows the whole way of a log line on one machine. The access logs of three web
// sites go through three publishers (logpub) into a ring of five daemons, and out of it through two
// subscribers (logsub), the log hosts. While lines flow, it kills the daemon of a web host, the daemon
// of a log host, and a logsub, and restarts each. The logsubs are processes of their own, so that
// SIGKILL ends them. The other parts are in this process, on free loopback ports; they know each other
// by TCP and UDP only, as the programs would.
//
//	go run ./cmd/spreaddemo
//
// # What it guarantees
//
// The report compares the files of both log hosts with each other, byte by byte, and with the lines
// that were sent: every line once in every file. With -plain, lines that are under way to something
// that dies are lost, counted and shown. The status is 0 if that is so, 1 if not or if the demo cannot
// run, 2 for a wrong command line.
//
// # What it does not
//
// It measures nothing precisely: the web servers write for five seconds, however many lines that are.
// For figures there are benchmarks (docs/operate/performance.md).
//
// # Limits
//
// The logs are those of package weblog, some 6000 lines, sent -rounds times. Package weblog stays a
// package because tests of logs/internal/logline read its logs.
package main
