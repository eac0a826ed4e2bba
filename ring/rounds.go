package ring

import (
	"time"

	"github.com/spreadd/spreadd/internal/clock"
)

// NumRoundBounds is the number of bounds between ranges of round times.
const NumRoundBounds = 15

// RoundBounds returns the upper bounds of all ranges of [RoundTimes] except the last. They go from
// less than a round of two hosts takes to more than the token timeout.
func RoundBounds() [NumRoundBounds]time.Duration {
	const us, ms = time.Microsecond, time.Millisecond
	return [NumRoundBounds]time.Duration{
		100 * us, 250 * us, 500 * us, ms, 2500 * us, 5 * ms, 10 * ms, 25 * ms, 50 * ms, 100 * ms, 250 * ms, 500 * ms,
		time.Second, 2500 * ms, 5 * time.Second,
	}
}

// RoundTimes is a histogram of the time between two turns of this daemon, within an installed ring.
// While no daemon has anything to send, the leader holds the token, and rounds take that long.
type RoundTimes struct {
	Counts [NumRoundBounds + 1]int64 // by range; the last is what is above all bounds
	Sum    time.Duration
}

// rounds measures rounds.
type rounds struct {
	last  clock.Time // of the last turn; zero before the first
	asked clock.Time // when this daemon asked for the token last, or began to recover
	times RoundTimes
}

// turn records a turn. counts reports whether the turn ends a round of an installed ring.
func (r *rounds) turn(now clock.Time, counts bool) {
	if counts && !r.last.IsZero() {
		took := now.Sub(r.last)
		i := 0
		for _, bound := range RoundBounds() {
			if took <= bound {
				break
			}
			i++
		}
		r.times.Counts[i]++
		r.times.Sum += took
	}
	r.last = now
}
