package seal

import "math"

// windowLen is the number of counters behind the highest one that are still accepted, once each. It
// is more than the kernel's buffer holds and than a busy ring sends in the time for which a
// datagram may be late. A power of two.
const windowLen = 16384

// window remembers which counters were seen. The zero value has seen none.
type window struct {
	highest uint64
	bits    [windowLen / 64]uint64
}

// start begins a window at a counter: it and all before it count as seen.
func (w *window) start(c uint64) {
	w.highest = c
	for i := range w.bits {
		w.bits[i] = math.MaxUint64
	}
}

// fresh reports whether a counter was not seen, and is not too old to know.
func (w *window) fresh(c uint64) bool {
	switch {
	case c == 0:
		return false
	case c > w.highest:
		return true
	case w.highest-c >= windowLen:
		return false
	default:
		return w.bits[c%windowLen/64]&(1<<(c%64)) == 0
	}
}

// see notes a counter that is fresh.
func (w *window) see(c uint64) {
	if c > w.highest {
		if c-w.highest >= windowLen {
			clear(w.bits[:])
		} else {
			for n := w.highest + 1; n <= c; {
				if n%64 == 0 && c-n >= 64 { // a whole word
					w.bits[n%windowLen/64] = 0
					n += 64
					continue
				}
				w.bits[n%windowLen/64] &^= 1 << (n % 64)
				n++
			}
		}
		w.highest = c
	}
	w.bits[c%windowLen/64] |= 1 << (c % 64)
}
