package membership

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// formation shows what a daemon knows: who was heard, and whom they hear.
func (o *node) formation(since time.Duration) string {
	var s strings.Builder
	f := o.m.Formation(o.net.now.Add(-since))
	name := func(id wire.DaemonID) string {
		if d := o.net.top.Daemon(id); d != nil {
			return d.Name
		}
		return "-"
	}
	for _, p := range f.Peers {
		if !p.Heard {
			fmt.Fprintf(&s, "%s silent; ", name(p.Daemon))
			continue
		}
		var names []string
		for _, id := range p.Hears {
			names = append(names, name(id))
		}
		fmt.Fprintf(&s, "%s hears %v; ", name(p.Daemon), names)
	}
	return s.String() + "token " + name(f.TokenFrom) + " " + name(f.TokenTo)
}

// TestFormation: what B sends to C is lost, so no ring forms. C sees that B is silent, and A sees
// that C does not hear B, whether they are in one segment or in three.
func TestFormation(t *testing.T) {
	for _, tt := range []struct {
		segments []string
		want     [3]string
	}{
		{[]string{"A", "B", "C"}, [3]string{
			"B hears [A C]; C hears [A]; token - B",
			"A hears [B C]; C hears [A]; token A C",
			"A hears [B C]; B silent; token - -",
		}},
		{[]string{"ABC"}, [3]string{
			"B hears [A C]; C hears [A]; token B B",
			"A hears [B C]; C hears [A]; token A C",
			"A hears [B C]; B silent; token A B",
		}},
	} {
		n := newNetwork(t, tt.segments...)
		n.rules = append(n.rules, &dropRule{kind: "any", from: "B", to: "C", left: 1 << 30})
		for _, o := range n.nodes {
			o.start()
		}
		n.run(n.now.Add(20*time.Second), func() bool { return false })
		for i, o := range n.nodes {
			if o.m.TokenAlive() {
				t.Errorf("%v: %s has a ring", tt.segments, o.name)
			}
			if got := o.formation(6 * time.Second); got != tt.want[i] {
				t.Errorf("%v: %s knows %s, want %s", tt.segments, o.name, got, tt.want[i])
			}
		}
		// Nothing is known of the time after that.
		if got := n.nodes[0].formation(-time.Second); got != "B silent; C silent; token - -" {
			t.Errorf("in the future: %s", got)
		}
	}
}
