package bench

import (
	"math"
	"math/bits"
	"time"
)

// Each power of two is divided into so many buckets: 1.6 percent of a value.
const (
	subBits = 6
	subs    = 1 << subBits
)

type histogram struct {
	counts [(64 - subBits) * subs]int64
	n      int64
	max    time.Duration
}

// add counts a duration. One below zero counts as zero.
func (h *histogram) add(d time.Duration) {
	d = max(0, d)
	h.counts[bucket(uint64(d))]++
	h.n++
	h.max = max(h.max, d)
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.n += o.n
	h.max = max(h.max, o.max)
}

// quantile returns a duration such that the share q of all is not longer, to the width of a
// bucket. It is 0 if there are none.
func (h *histogram) quantile(q float64) time.Duration {
	rank := int64(math.Ceil(q * float64(h.n)))
	for i, n := range h.counts {
		if rank -= n; rank <= 0 && n > 0 {
			return min(h.max, time.Duration(upper(i)))
		}
	}
	return h.max
}

// bucket returns the place of a value: the first 2*subs values have one each, and then each power
// of two has subs.
func bucket(v uint64) int {
	shift := max(0, bits.Len64(v)-subBits-1)
	return shift*subs + int(v>>shift)
}

func upper(i int) uint64 {
	shift := max(0, i/subs-1)
	return (uint64(i-shift*subs)+1)<<shift - 1
}

// Latency is how long messages took, of which half, 99 percent and so on were not slower.
type Latency struct {
	P50  time.Duration `json:"p50_ns"`
	P99  time.Duration `json:"p99_ns"`
	P999 time.Duration `json:"p999_ns"`
	Max  time.Duration `json:"max_ns"`
}

func (h *histogram) latency() Latency {
	return Latency{P50: h.quantile(0.5), P99: h.quantile(0.99), P999: h.quantile(0.999), Max: h.max}
}
