package engine

import (
	"time"

	"github.com/spreadd/spreadd/internal/clock"
)

// stallFirst is how long an expected token stays away before this daemon probes its successor. The
// time doubles until the token comes.
const stallFirst = 5 * time.Millisecond

// stall is a token that is expected and does not come. A daemon that was killed may have taken it
// with it: only a datagram that arrives after its end is refused.
type stall struct {
	since clock.Time // the time for which wait holds
	wait  time.Duration
}

// deadline returns the time of the next probe, or zero.
func (s *stall) deadline(e *Engine) clock.Time {
	since, expected := e.ring.Awaits()
	if !expected || !e.cfg.Early {
		return 0
	}
	if since != s.since {
		*s = stall{since, stallFirst}
	}
	return since.Add(s.wait)
}
