package sink

import (
	"strings"
	"testing"
)

func TestSpoolName(t *testing.T) {
	a, b := spoolName("|cat > /tmp/ä"), spoolName("|cat > /tmp/ö")
	if a == b || !strings.HasPrefix(a, "_cat____tmp__-") || strings.ContainsAny(a, "/|> ") {
		t.Errorf("%s, %s", a, b)
	}
	if n := len(spoolName(strings.Repeat("x", 1000))); n > 60 {
		t.Errorf("%d bytes", n)
	}
}
