// Package eventlog writes a daemon's log as spread.conf asks for it: a line an
// event, with a time stamp in the user's format or none, to standard output or to a file
// that can be reopened after it has been moved away.
//
// A line is
//
//	[stamp ]LEVEL message key=value ...
//
// It guarantees that lines are written whole and in the order in which they are
// logged, by any number of goroutines. It does not buffer, so nothing is lost when the
// daemon dies; and it does not rotate: that is done from outside, with [File.Reopen].
//
// References: docs/spec/spread-conf.md §7 (EventLogFile, EventTimeStamp, EventPriority), docs/spec/daemon-operations.md §4.
package eventlog
