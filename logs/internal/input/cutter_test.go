package input

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/blind"
)

// FuzzCutter: what comes in any pieces is cut as it is by splitting the whole.
func FuzzCutter(f *testing.F) {
	f.Add([]byte("a\nbb\n\nccc"), 3, uint64(1))        // cut, empty and unfinished lines
	f.Add([]byte("12345678\n1234567\n"), 8, uint64(2)) // one over and one at the limit
	f.Add([]byte("\n"), 2, uint64(3))
	f.Add([]byte(""), 2, uint64(4))
	blind.Fuzz(f, func(t *testing.T, in []byte, most int, seed uint64) {
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
		c := Cutter{Max: most}
		var got []byte
		lines, cut := 0, 0
		collect := func() {
			got = append(got, c.Whole()...)
			lines, cut = lines+c.Lines, cut+c.Truncated
			c.Forget()
		}
		for rest := in; len(rest) > 0; {
			n := 1 + rng.IntN(len(rest))
			c.Add(rest[:n])
			collect()
			rest = rest[n:]
		}
		c.Finish()
		collect()
		if !bytes.Equal(got, bytes.Join(want, nil)) || lines != len(want) || cut != truncated {
			t.Errorf("%d lines %q, %d truncated; want %d lines %q, %d truncated", lines, got, cut, len(want), want, truncated)
		}
		if len(c.buf) != 0 {
			t.Errorf("%q is left", c.buf)
		}
	})
}
