package sink

import (
	"context"
	"time"
)

// Sink is a destination of lines: all files together, a command, a table, or all Perl functions.
// One goroutine calls its methods; only Stats may be called from any.
type Sink interface {
	// Start starts what the sink does in the background. It is called once, before the first Put.
	Start(ctx context.Context)
	// Flush is called when no more lines are available for now: it writes what was put, as far as
	// possible.
	Flush()
	// Tick is called once a second. It retries what failed and closes what is idle.
	Tick(now time.Time)
	// Sync flushes what was written to the disk, if there is one.
	Sync() error
	// Reopen is called on SIGHUP: files were rotated, or a command should start again.
	Reopen()
	// Close writes what is left, ends the background work, and releases everything. The error says
	// how many lines are lost. Without Start it only releases.
	Close() error
	Stats() Stats
}

// Outlet is where the lines of one log enter a sink.
type Outlet interface {
	// Put takes a copy of a line. It does not wait for the destination. It returns false if there is no room, and counts the
	// line as dropped.
	Put(l *Line) bool
}

// Line is a log line on its way to a sink.
type Line struct {
	Text     []byte
	Group    string    // that the message was sent to
	Sender   string    // the private name of the publisher's session
	VHost    []byte    // the virtual host; empty if the line has none
	Time     time.Time // by the clock of its log
	Received time.Time // by the clock of this host

	// Stream and Seq identify a line that came in an envelope. Stream is empty otherwise.
	Stream string
	Seq    uint64
}
