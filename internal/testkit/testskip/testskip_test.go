package testskip

import (
	"strings"
	"testing"
)

// recorder is a test whose end is recorded.
type recorder struct {
	testing.TB
	end  string
	text string
}

func (*recorder) Helper() {}

func (r *recorder) Skip(args ...any) { r.end, r.text = "skip", args[0].(string) }

// Fatalf panics, because a real one does not return either.
func (r *recorder) Fatalf(_ string, args ...any) {
	r.end, r.text = "fatal", args[1].(string)
	panic(r)
}

func TestSkip(t *testing.T) {
	const reason = "apache2 is not installed: apt-get install apache2"
	for _, c := range []struct{ value, want string }{
		{"", "skip"},
		{"0", "skip"},
		{"1", "fatal"},
	} {
		t.Run("value "+c.value, func(t *testing.T) {
			t.Setenv(Variable, c.value)
			r := &recorder{TB: t}
			func() {
				defer func() {
					if p := recover(); p != nil && p != any(r) {
						panic(p)
					}
				}()
				Skip(r, reason)
			}()
			if r.end != c.want || !strings.Contains(r.text, reason) {
				t.Errorf("ended with %q and %q, want %q and the reason", r.end, r.text, c.want)
			}
		})
	}
}
