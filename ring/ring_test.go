package ring

import (
	"strings"
	"testing"
)

func TestSmoke(t *testing.T) {
	n := newNetwork(t, Config{}, []string{"A", "B", "C"})
	var b strings.Builder
	n.trace = func(f string, a ...any) { t.Logf(f, a...) }
	_ = b
	n.form(n.nodes...)
	n.submit(n.nodes[1], Agreed, "hello")
	n.submit(n.nodes[1], Safe, strings.Repeat("x", 3000))
	n.submit(n.nodes[0], Safe, strings.Repeat("x", 3000))
	n.runIdle(30)
}
