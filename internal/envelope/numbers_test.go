package envelope

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestNumbers: whatever the order, what was added is there and nothing else, as few spans.
func TestNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var n Numbers
		have := make(map[uint64]bool)
		base := []uint64{0, 1000, 1<<64 - 60}[r.IntN(3)]
		for range 100 {
			seq := base + r.Uint64N(50)
			if r.IntN(4) > 0 {
				if got := n.Add(seq); got == have[seq] {
					t.Fatalf("adding %d says %v", seq, got)
				}
				have[seq] = true
				continue
			}
			last := seq + r.Uint64N(9)
			n.AddSpan(Span{seq, last})
			for i := seq; i <= last; i++ {
				have[i] = true
			}
		}
		var want []Span
		for i := base; i < base+59; i++ {
			if n.Has(i) != have[i] {
				t.Fatalf("Has(%d) is %v", i, n.Has(i))
			}
			if !have[i] {
				continue
			}
			if k := len(want) - 1; k >= 0 && want[k].Last+1 == i {
				want[k].Last = i
			} else {
				want = append(want, Span{i, i})
			}
		}
		if !slices.Equal(n.Spans(), want) {
			t.Fatalf("spans are %v, want %v", n.Spans(), want)
		}
		if n.Next() != want[len(want)-1].Last+1 {
			t.Fatalf("next is %d", n.Next())
		}
	}
}

// TestNumbersBound: with too many gaps the lowest numbers are forgotten; whoever
// brings them again is taken for new, because a line twice is better than none.
func TestNumbersBound(t *testing.T) {
	var n Numbers
	for i := range uint64(MaxSpans + 10) {
		n.Add(2 * i)
	}
	if len(n.Spans()) != MaxSpans || n.Has(0) || n.Has(18) || !n.Has(20) || !n.Add(0) {
		t.Errorf("%d spans, from %d", len(n.Spans()), n.Spans()[0].First)
	}
}

// TestSplit: the key is the name of the stream, and nothing else.
func TestSplit(t *testing.T) {
	o := Origin{"web:1", 7, 9}
	m := append((&Header{o.Publisher, o.Epoch, o.Stream, 5}).Append(nil), "a\nb\n"...)
	key, seq, lines, err := Split(m)
	if err != nil || string(key) != o.Key() || seq != 5 || string(lines) != "a\nb\n" {
		t.Errorf("%x, %d, %q, %v", key, seq, lines, err)
	}
	if got, err := ParseOrigin(key); err != nil || got != o {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "\x01", o.Key()[:10], "\x05" + o.Key(), (&Origin{Publisher: "a b"}).Key()} {
		if _, err := ParseOrigin([]byte(bad)); err == nil {
			t.Errorf("%x is a key", bad)
		}
	}
}

func BenchmarkNumbers(b *testing.B) {
	var n Numbers
	seq := uint64(0)
	for b.Loop() {
		n.Add(seq)
		seq++
	}
}
