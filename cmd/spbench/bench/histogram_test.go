package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBuckets(t *testing.T) {
	last := -1
	for _, v := range []uint64{0, 1, 63, 64, 127, 128, 129, 130, 255, 256, 1000, 1 << 20, 1<<20 + 1<<14, 1<<62 + 1, math.MaxInt64} {
		i := bucket(v)
		if i < last {
			t.Errorf("bucket(%d) = %d, below %d of a smaller value", v, i, last)
		}
		last = i
		if u := upper(i); u < v || float64(u-v) > float64(v)/subs {
			t.Errorf("%d is in bucket %d, whose largest is %d", v, i, u)
		}
		if u := upper(i); bucket(u) != i || bucket(u+1) != i+1 {
			t.Errorf("bucket %d ends not at %d: %d and %d", i, u, bucket(u), bucket(u+1))
		}
	}
	var h histogram
	if last >= len(h.counts) {
		t.Errorf("bucket %d of %d", last, len(h.counts))
	}
}

func TestQuantiles(t *testing.T) {
	var h, half histogram
	if h.quantile(0.5) != 0 {
		t.Error("a quantile of nothing")
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for i := range 10_000 {
		d := time.Duration(rnd.ExpFloat64() * float64(time.Millisecond))
		all = append(all, d)
		if i%2 == 0 {
			half.add(d)
		} else {
			h.add(d)
		}
	}
	h.merge(&half)
	slices.Sort(all)
	for _, q := range []float64{0.001, 0.5, 0.99, 0.999, 1} {
		want := all[int(math.Ceil(q*float64(len(all))))-1]
		if got := h.quantile(q); got < want || float64(got-want) > float64(want)/subs {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	h.add(-1) // a clock that goes back
	if got := h.quantile(0); got != 0 {
		t.Errorf("the shortest is %v, want 0", got)
	}
	if l := h.latency(); l.P50 > l.P99 || l.P99 > l.P999 || l.P999 > l.Max || l.Max != all[len(all)-1] {
		t.Errorf("%+v", l)
	}
}
