package logline

import (
	"time"

	"github.com/spreadd/spreadd/internal/conf"
)

//go:generate go tool -modfile=../../../.ci/tools/go.mod stringer -type=Clock -linecomment

// Clock selects the time of a line: the time in the path of its file, and the one that a [Rewriter]
// writes.
type Clock uint8

// The clocks.
const (
	// ClockAgreed is the latest time in any line of the log so far. It never goes back, and is the
	// same on all hosts that receive the same lines, whatever their own clocks show.
	ClockAgreed Clock = iota // agreed
	// ClockLine is the time in the line itself. It goes back and forth when several web servers
	// write to one log.
	ClockLine // line
	// ClockReceipt is the clock of this host, as in spreadlogd. Files of two hosts differ.
	ClockReceipt // receipt
	numClocks
)

// Valid reports whether there is such a clock.
func (c Clock) Valid() bool { return c < numClocks }

// ParseClock returns the clock with a name.
func ParseClock(name string) (Clock, error) { return conf.ParseEnum("clock", name, numClocks) }

// maxAhead is how far the time in a line may be ahead of this host's clock: one web server with a
// wrong clock must not move the agreed clock into next year.
const maxAhead = 5 * time.Minute

// Timer returns the times of the lines of one log.
type Timer struct {
	clock Clock
	zone  *time.Location
	last  int64 // in seconds; used for lines whose time is too far ahead, or behind the agreed clock
	set   bool  // last is valid
}

// NewTimer returns a timer for a clock. Times are in zone, and so are times of lines that have no
// offset.
func NewTimer(c Clock, zone *time.Location) Timer { return Timer{clock: c, zone: zone} }

// Latest returns the agreed time so far; false if it has none.
func (t *Timer) Latest() (time.Time, bool) {
	return time.Unix(t.last, 0), t.set && t.clock == ClockAgreed
}

// Advance makes the agreed time at least that of another log host.
func (t *Timer) Advance(to time.Time) {
	if second := to.Unix(); t.clock == ClockAgreed && (!t.set || second > t.last) {
		t.last, t.set = second, true
	}
}

// At returns the time of a line with a stamp, that was received at a moment. A line without a time
// has that of its receipt, and the times of other lines do not depend on it.
func (t *Timer) At(s *Stamp, receipt time.Time) time.Time {
	if t.clock == ClockReceipt || !s.Found() {
		return receipt.In(t.zone)
	}
	second := s.Unix(t.zone)
	if second <= receipt.Unix()+int64(maxAhead/time.Second) && (!t.set || t.clock == ClockLine || second > t.last) {
		t.last, t.set = second, true
	}
	if !t.set {
		return receipt.In(t.zone)
	}
	return time.Unix(t.last, 0).In(t.zone)
}
