package membership

import (
	"time"

	"github.com/spreadd/spreadd/internal/clock"
)

// timer names a deadline. Of two that are due at the same moment, the one with the smaller number
// runs first: timers that end a state come before those that repeat something in it.
type timer uint8

const (
	timerSeg timer = iota
	timerRep
	timerGather
	timerForm
	timerLookup
	timerAlive
	timerJoin
	timerProbe
	numTimers
)

func (m *Machine) timeout(t timer) time.Duration {
	w := &m.cfg.Timeouts
	return [numTimers]time.Duration{
		timerSeg: w.Seg, timerRep: w.Rep, timerGather: w.Gather, timerForm: w.Form,
		timerLookup: w.Lookup, timerAlive: w.Alive, timerJoin: w.Join,
	}[t]
}

// arm starts a timer, or restarts it.
func (m *Machine) arm(t timer, now clock.Time) {
	d := m.timeout(t)
	if t == timerGather {
		d += m.spread(d)
	}
	switch t {
	case timerSeg, timerRep, timerGather, timerForm:
		d += min(2*m.late, d) // Others may be as late.
	default:
	}
	m.deadlines[t] = now.Add(d)
}

// spread returns a random part of up to a twentieth of a timeout, or 0 without a seed.
func (m *Machine) spread(d time.Duration) time.Duration {
	const parts = 1 << 10
	if m.random == 0 {
		return 0
	}
	// This is xorshift64: enough for times, and never 0.
	m.random ^= m.random << 13
	m.random ^= m.random >> 7
	m.random ^= m.random << 17
	return d / 20 / parts * time.Duration(m.random%parts)
}

// Deadline returns the moment at which Advance has something to do, or zero.
func (m *Machine) Deadline() (first clock.Time) {
	for _, d := range m.deadlines {
		first = clock.Earliest(first, d)
	}
	return first
}

// Advance runs the timers that are due at now, the earliest first.
func (m *Machine) Advance(now clock.Time, wall int32, out *Effects) {
	for {
		due := numTimers
		for t, d := range m.deadlines {
			if d != 0 && d <= now && (due == numTimers || d < m.deadlines[due]) {
				due = timer(t)
			}
		}
		if due == numTimers {
			return
		}
		// The deadlines that the handler sets are after now.
		m.deadlines[due] = 0
		m.dispatch(inputOfTimer[due], &event{now: now, wall: wall, out: out})
	}
}
