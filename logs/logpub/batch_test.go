package logpub

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/spread"
)

// TestBatch: lines of one list of groups share messages up to the given size, in their order.
func TestBatch(t *testing.T) {
	long := strings.Repeat("x", 29) + "\n"
	for _, tt := range []struct {
		name  string
		batch int
		in    []string
		want  []string
	}{
		{"off", -1, []string{"a 1\n", "a 2\n"}, []string{"a 1\n", "a 2\n"}},
		{"smaller than a line", 3, []string{"a 1\n", "a 2\n"}, []string{"a 1\n", "a 2\n"}},
		{"one line fits", 7, []string{"a 1\n", "a 2\n"}, []string{"a 1\n", "a 2\n"}},
		{"two fit", 8, []string{"a 1\n", "a 2\n", "a 3\n"}, []string{"a 1\na 2\n", "a 3\n"}},
		{"all fit", 1 << 20, []string{"a 1\n", "\n", "\n", "a 2\n"}, []string{"a 1\n", "\n\n", "a 2\n"}},
		{"a line that is longer", 10, []string{"a 1\n", "a " + long, "a 2\n", "a 3\n"}, []string{"a 1\n", "a " + long, "a 2\na 3\n"}},
		{"two groups", 100, []string{"a 1\n", "a 2\n", "b 1\n", "a 3\n", "a 4\n"}, []string{"a 1\na 2\n", "b 1\n", "a 3\na 4\n"}},
	} {
		for _, wrapped := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				var d fakeDaemon
				p := newPublisher(t, &d, func(c *Config) {
					c.Plain, c.BatchBytes, c.Route = !wrapped, tt.batch, &Route{Field: 1}
				})
				if err := p.Run(t.Context(), strings.NewReader(strings.Join(tt.in, ""))); err != nil {
					t.Error(err)
				}
				got := d.got()
				next := make(map[uint32]uint64)
				for i := range got {
					if !wrapped {
						continue
					}
					var h envelope.Header
					text, err := h.Decode([]byte(got[i]))
					if err != nil || h.Seq != next[h.Stream] {
						t.Errorf("%s: message %d: %+v, %v, want number %d", tt.name, i, h, err, next[h.Stream])
					}
					got[i] = string(text)
					next[h.Stream] += uint64(strings.Count(got[i], "\n"))
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("%s, envelopes %v: messages %q, want %q", tt.name, wrapped, got, tt.want)
				}
				if st := p.Stats(); st.Sent != int64(len(tt.in)) || st.Resent != 0 {
					t.Errorf("%s: %+v", tt.name, st)
				}
			})
		}
	}
}

// TestBatchLimit: no message is longer than a daemon takes.
func TestBatchLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d fakeDaemon
		p := newPublisher(t, &d, func(c *Config) { c.Plain, c.BatchBytes = false, 1<<30 })
		in := strings.Repeat(strings.Repeat("x", 99_999)+"\n", 4) + strings.Repeat("y\n", 100_000)
		if err := p.Run(t.Context(), strings.NewReader(in)); err != nil {
			t.Error(err)
		}
		var text strings.Builder
		for i, m := range d.got() {
			var h envelope.Header
			lines, err := h.Decode([]byte(m))
			if err != nil || len(m) > spread.MaxPayload(1) {
				t.Fatalf("message %d of %d bytes: %v", i, len(m), err)
			}
			text.Write(lines)
		}
		if text.String() != in {
			t.Errorf("%d bytes arrived, want %d", text.Len(), len(in))
		}
	})
}

// TestBatchAgain: lines of a block that are sent again are counted, and arrive.
func TestBatchAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fakeDaemon{breakAt: 5} // four messages of ten lines have been handed over by then
		p := newPublisher(t, &d, func(c *Config) { c.BatchBytes = 20 })
		in := strings.Repeat("y\n", 1005)
		if err := p.Run(t.Context(), strings.NewReader(in)); err != nil {
			t.Error(err)
		}
		if got := strings.Join(d.got(), ""); got != in {
			t.Errorf("%d bytes arrived, want %d", len(got), len(in))
		}
		if st := p.Stats(); st.Sent != 1005 || st.Resent != 40 {
			t.Errorf("%+v", st)
		}
	})
}
