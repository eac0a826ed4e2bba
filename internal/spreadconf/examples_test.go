package spreadconf

import (
	"testing"
	"time"
)

// TestFastExample: the example for a short outage is a configuration without a warning, and its
// timers stand to each other as daemons need it (membership-protocol §3).
func TestFastExample(t *testing.T) {
	c, err := Load(t.Context(), "../../docs/operate/examples/spread.fast.conf", SystemEnvironment())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range c.Warnings {
		t.Errorf("%v: %s", w.Pos, w.Text)
	}
	if c.AcceleratedAtStart() != c.AcceleratedAfterReload() {
		t.Error("a reload changes the ring's protocol in C daemons")
	}
	w, err := c.EffectiveTimeouts()
	if err != nil {
		t.Fatal(err)
	}
	if outage := w.Token + w.Seg + w.Gather; outage > 240*time.Millisecond {
		t.Errorf("an outage takes %v at least", outage)
	}
	for _, rule := range []struct {
		what  string
		holds bool
	}{
		{"TokenTimeout has room for three of HurryTimeout", w.Token > 3*w.Hurry},
		{"SegTimeout has room for two of AliveTimeout", w.Seg >= 2*w.Alive},
		{"RepTimeout has room for two of JoinTimeout", w.Rep > 2*w.Join},
		{"GatherTimeout has room for three of JoinTimeout", w.Gather > 3*w.Join},
	} {
		if !rule.holds {
			t.Errorf("%+v: want that %s", w, rule.what)
		}
	}
}
