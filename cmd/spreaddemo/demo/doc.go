// Package demo shows the whole path of a log line on one machine: the access logs of three
// web sites go through three publishers ([logpub]) into a ring of three daemons and out of it through two
// subscribers ([logsub]), who are the log hosts. In the middle of it one daemon is killed, and brought back.
// Everything runs in one process, on free loopback ports, as the real programs
// would: the parts know each other by TCP and UDP alone.
//
// # What it guarantees
//
// [Run] says what went in and came out, site by site, and compares the files of
// both log hosts with each other, byte by byte, and with what was
// sent: every line once, of the sites whose daemons lived. What the killed daemon had
// taken from its publisher and not put on the ring is lost with it, and is counted and
// named. [Report.Err] is an error if any of that is not as it should be.
//
// # What it does not
//
// It measures nothing precisely: its rate is that of one short run with everything on
// one machine, most of which is the wait for the killed daemon. For figures there
// are benchmarks (docs/operate/performance.md). A machine so busy that a daemon does not
// run for a second splits the ring, and then the files of the log hosts differ.
//
// # Limits
//
// The logs are those of package weblog, some 6000 lines, sent [Config.Rounds] times.
package demo
