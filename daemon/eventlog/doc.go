// Package eventlog writes a daemon's log as spread.conf configures it: one line for each event,
// with or without a time stamp in the user's format, to standard output or to a file that can be
// reopened after it has been moved.
//
// A line is
//
//	[stamp ]LEVEL message key=value ...
//
// Lines are written whole and in the order in which they are logged, by any number of goroutines.
// The package does not buffer, so a crash of the daemon loses nothing. It does not rotate files:
// another program moves them, and [File.Reopen] opens a new one.
//
// References: docs/spec/spread-conf.md §7 (EventLogFile, EventTimeStamp, EventPriority),
// docs/spec/daemon-operations.md §4.
package eventlog
