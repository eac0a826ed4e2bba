// Command spmonitor shows the status of the daemons of a spread.conf. For tests it also partitions
// them, terminates them or changes their windows.
//
//	spmonitor status                one table: a row a daemon, missing ones with the reason; status 0
//	                                if all is well, 1 if something is wrong, 2 if nobody answers
//	spmonitor status -s HOST:PORT   the same, asked of a daemon with -http, from any host
//	spmonitor sessions, groups      the clients of a daemon with -http, and the groups that it knows
//
// Without a command its keys and reports are those of the program of that name that comes with Spread
// 5.0.1 (daemon-operations §8).
//
//	spmonitor                       use spread.conf in the current directory, /etc or /etc/spread
//	spmonitor -c FILE -n web1       use FILE, with the identity of daemon web1
//	spmonitor -json -t 60           print one JSON object per report, every minute
//	spmonitor -json -rounds 1 -t 2  once; status 1 if a daemon does not answer in 2 s
//
// It takes the identity of one of the daemons, whose address must belong to this host, and receives
// reports on port 6543 (-p). Type 0, all and an empty line to see the status of all daemons every
// ten seconds, and 9 to quit.
//
// With -json it takes no commands. It queries all daemons at once and then at every interval, and
// prints each report as one JSON object on a line ([Record]), and one for each daemon that has not
// answered in time.
//
// The status is 0; 1 if the configuration cannot be read, the port is in use or, with -rounds, a
// daemon has not answered; 2 for a wrong command line.
//
// # Differences from the original
//
//   - Every line of piped input is executed, also when several arrive together.
//   - The Delta line of a report is the difference from the previous report of the same daemon.
//   - Windows that were not entered stay as they are. The original sets accelerated windows to 0
//     if its file does not say AcceleratedRing.
//   - After an impossible number it says which are possible and asks again.
//   - When a reload fails because its own file cannot be read, it reports that and continues.
//   - A report counts as a daemon's only if it comes from that daemon's address.
//   - A wrong flag ends it with status 2.
//   - What arrives while a question is open begins on a line of its own, and the question is
//     repeated. The prompt is also printed after a reload.
//   - Before the first command 6, windows that are sent stay unchanged, although 7 shows 0.
//   - It prints no banner at its start.
//
// # What it does not guarantee
//
// Datagrams get lost and commands are not acknowledged. A missing answer can mean a daemon that is
// down, one with another configuration, or a bad network. Daemons obey commands other than reload
// only with DangerousMonitor = true, and log each refusal. The protocol has no secret: whoever can
// send from a configured address can act as a monitor. Daemons end a partition 60 s after the last
// request; spmonitor repeats it every 25 s while it runs.
//
// # Limits
//
// 128 daemons; with exactly 128 the ring's window cannot be set. A line of input has at most 4 KiB;
// the rest is skipped.
//
// # Where to look
//
// Package daemon/monitor speaks the protocol of monitors. menu.go and command.go are the interactive program,
// json.go is -json, text.go formats reports. commands.go has the commands, status.go what they print.
//
// References: docs/spec/daemon-operations.md §8, docs/spec/monitor-protocol.md.
package main
