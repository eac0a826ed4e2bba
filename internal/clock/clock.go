package clock

import "time"

// Time is a moment, in nanoseconds since an origin that the driver chose. It never goes backwards
// within a run. The zero value means no moment: a driver's first moment is 1 or later.
type Time int64

// Add returns the moment d after t.
func (t Time) Add(d time.Duration) Time { return t + Time(d) }

// Sub returns the time from u to t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// IsZero reports whether t is no moment.
func (t Time) IsZero() bool { return t == 0 }

// Earliest returns the earlier of two moments, where zero means none.
func Earliest(t, u Time) Time {
	switch {
	case t == 0:
		return u
	case u == 0:
		return t
	default:
		return min(t, u)
	}
}
