// Package demo shows the whole path of a log line on one machine: the access logs of three
// web sites go through three publishers ([logpub]) into a daemon and out of it through two
// subscribers ([logsub]), who are the log hosts. Everything runs in one process, on free
// loopback ports, as the real programs would: the parts know each other by TCP alone.
//
// # What it guarantees
//
// [Run] says what went in and came out, site by site, and compares the files of
// both log hosts with each other, byte by byte, and with what was
// sent: every line once. [Report.Err] is an error if any of that is not as it should be.
//
// # What it does not
//
// It measures nothing precisely: its rate is that of one short run with everything on
// one machine. For figures there are benchmarks (docs/performance.md).
//
// # Limits
//
// One daemon. The logs are those of package weblog, some 6000 lines, sent [Config.Rounds] times.
package demo
