package logpub

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestQueueModel holds the queue against what it should be: a list of lines with a
// bound.
func TestQueueModel(t *testing.T) {
	const limit = 8 << 10
	rng := rand.New(rand.NewPCG(1, 2))
	q := newQueue(limit)
	to := &target{groups: []string{"g"}}
	seq := uint64(0)
	var want, got []byte
	full := 0
	for range 20_000 {
		if rng.IntN(2) == 0 {
			var lines []byte
			for range 1 + rng.IntN(20) {
				n := rng.IntN(100)
				if rng.IntN(50) == 0 {
					n = rng.IntN(2 * limit)
				}
				lines = append(lines, strings.Repeat(string(rune('a'+rng.IntN(26))), n)...)
				lines = append(lines, '\n')
			}
			rest := q.put(lines, to)
			if !bytes.HasSuffix(lines, rest) {
				t.Fatal("the rest is not the end of what was put")
			}
			kept := lines[:len(lines)-len(rest)]
			if len(kept) > 0 && kept[len(kept)-1] != '\n' {
				t.Fatal("a line was cut in two")
			}
			want = append(want, kept...)
			if len(rest) > 0 {
				full++
			}
		} else if b := take(t, q); b != nil {
			if b.lines[len(b.lines)-1] != '\n' {
				t.Fatal("a block ends within a line")
			}
			got = append(got, b.lines...)
			for _, r := range b.runs {
				if r.seq != seq || r.to != to {
					t.Fatalf("a run begins with %d, want %d", r.seq, seq)
				}
				seq += uint64(r.lines)
			}
			release(q, b)
		}
		total := 0
		for _, b := range q.blocks {
			total += cap(b.lines)
		}
		if q.size != total || q.size > limit && len(q.blocks) > 1 {
			t.Fatalf("size %d, blocks have %d, the limit is %d", q.size, total, limit)
		}
	}
	if full == 0 {
		t.Error("the queue was never full")
	}
	for b := take(t, q); b != nil; b = take(t, q) {
		got = append(got, b.lines...)
		seq += uint64(b.count())
		release(q, b)
	}
	if n := uint64(bytes.Count(want, []byte{'\n'})); seq != n || to.next != n {
		t.Errorf("%d lines have numbers, the next is %d; want %d", seq, to.next, n)
	}
	if !bytes.Equal(got, want) {
		t.Error("what was taken is not what was put")
	}
}

// take and release are what the sender does.
func take(t *testing.T, q *queue) *block {
	t.Helper()
	b, err := q.take()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func release(q *queue, b *block) {
	q.letGo(b)
	_, _ = q.ack(b.id)
}

// TestQueueDrained: the end is told once the block that was taken is released.
func TestQueueDrained(t *testing.T) {
	q := newQueue(1000)
	q.put([]byte("a\nb\n"), &target{})
	b := take(t, q)
	q.close()
	if closed(q.drained) || q.gauges().Waiting != 2 {
		t.Fatalf("drained with %d lines left", q.gauges().Waiting)
	}
	release(q, b)
	if !closed(q.drained) || q.gauges().Waiting != 0 {
		t.Fatalf("not drained, %d lines left", q.gauges().Waiting)
	}
}

// FuzzCutter: what comes in any pieces is cut as it is by splitting the whole.
func FuzzCutter(f *testing.F) {
	f.Add([]byte("a\nbb\n\nccc"), 3, uint64(1))        // cut, empty and unfinished lines
	f.Add([]byte("12345678\n1234567\n"), 8, uint64(2)) // one over and one at the limit
	f.Add([]byte("\n"), 2, uint64(3))
	f.Add([]byte(""), 2, uint64(4))
	f.Fuzz(func(t *testing.T, in []byte, most int, seed uint64) {
		most = 2 + int(uint(most)%100)
		var want [][]byte
		truncated := 0
		for line := range bytes.Lines(in) {
			line = bytes.TrimSuffix(line, []byte{'\n'})
			if len(line) > most-1 {
				line = line[:most-1]
				truncated++
			}
			want = append(want, append(slices.Clone(line), '\n'))
		}
		rng := rand.New(rand.NewPCG(seed, 0))
		c := cutter{max: most}
		var got []byte
		lines, cut := 0, 0
		collect := func() {
			got = append(got, c.whole()...)
			lines, cut = lines+c.lines, cut+c.truncated
			c.forget()
		}
		for rest := in; len(rest) > 0; {
			n := 1 + rng.IntN(len(rest))
			c.add(rest[:n])
			collect()
			rest = rest[n:]
		}
		c.finish()
		collect()
		if !bytes.Equal(got, bytes.Join(want, nil)) || lines != len(want) || cut != truncated {
			t.Errorf("%d lines %q, %d truncated; want %d lines %q, %d truncated", lines, got, cut, len(want), want, truncated)
		}
		if len(c.buf) != 0 {
			t.Errorf("%q is left", c.buf)
		}
	})
}
