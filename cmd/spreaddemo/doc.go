// Command spreaddemo shows the whole way of a log line on one machine. The access logs of three web
// sites go through three publishers (logpub) into a ring of three daemons, and out of it through
// two subscribers (logsub), the log hosts. In the middle of it one daemon is killed and restarted.
// Everything runs in one process, on free loopback ports; the parts know each other by TCP and UDP
// only, as the programs would.
//
//	go run ./cmd/spreaddemo
//
// # What it guarantees
//
// The report compares the files of both log hosts with each other, byte by byte, and with the lines
// that were sent: every line once in every file. With -plain, lines that the killed daemon had
// accepted from its publisher and not yet sent are lost with it, counted and shown. The status is 0
// if that is so, 1 if not or if the demo cannot run, 2 for a wrong command line.
//
// # What it does not
//
// It measures nothing precisely: the rate is that of one short run with everything on one machine,
// most of which is the wait for the killed daemon. For figures there are benchmarks
// (docs/operate/performance.md). On a machine so busy that a daemon is not scheduled for a second
// the ring splits, and then the files of the log hosts differ.
//
// # Limits
//
// The logs are those of package weblog, some 6000 lines, sent -rounds times. Package weblog stays a
// package because tests of logs/internal/logline read its logs.
package main
