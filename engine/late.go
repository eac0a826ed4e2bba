package engine

import (
	"time"

	"github.com/spreadd/spreadd/internal/clock"
)

// A daemon that is descheduled takes its own delay for the silence of others, and the others on a
// busy host are late as well. So it measures by how much it misses a regular moment, and waits for
// longer by what that may cost a round of the token before it accuses anybody (Lifeguard: A.
// Dadgar, J. Phillips, J. Currey: Local Health Awareness for More Accurate Failure Detection, DSN-W
// 2018).

const (
	// pulses is how many times in a TokenTimeout a daemon measures its lateness, at most once in
	// minPulse.
	pulses   = 10
	minPulse = 5 * time.Millisecond
	// lateParts is the part of a lateness that is forgotten at a pulse: half of it after 44 pulses.
	lateParts = 64
	// minStretch is the least bound of what lateness adds to TokenTimeout. Longer timeouts are doubled
	// at most.
	minStretch = 400 * time.Millisecond
)

// lateness is by how much this daemon was late recently.
type lateness struct {
	pulse  clock.Time // the next moment, or zero
	recent time.Duration
}

// begin begins to measure. A daemon that is alone in its configuration accuses nobody.
func (l *lateness) begin(now clock.Time, cfg *Config) {
	if cfg.Early && len(cfg.Topology.Daemons()) > 1 {
		l.pulse = now.Add(cfg.pulse())
	}
}

// maxStretch bounds what lateness adds to TokenTimeout, and the lateness itself: more has no effect, and
// would be remembered for long after a freeze.
func (c *Config) maxStretch() time.Duration { return max(c.Timeouts.Token, minStretch) }

// pulse returns the time between two measurements.
func (c *Config) pulse() time.Duration { return max(c.Timeouts.Token/pulses, minPulse) }

// measure takes a measurement if it is due, and tells the machines.
func (e *Engine) measure(now clock.Time) {
	l := &e.lateness
	if l.pulse.IsZero() || now < l.pulse {
		return
	}
	l.recent = min(max(now.Sub(l.pulse), l.recent-l.recent/lateParts), e.cfg.maxStretch())
	l.pulse = now.Add(e.cfg.pulse())
	e.ring.Stretch(min(time.Duration(e.memb.Members().Len())*l.recent, e.cfg.maxStretch()))
	e.memb.SetLate(l.recent)
}
