package clock

import (
	"testing"
	"time"
)

func TestEarliest(t *testing.T) {
	for _, tt := range []struct{ a, b, want Time }{
		{0, 0, 0},
		{0, 7, 7},
		{7, 0, 7},
		{3, 7, 3},
		{7, 3, 3},
	} {
		if got := Earliest(tt.a, tt.b); got != tt.want {
			t.Errorf("Earliest(%d, %d) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestAddSub(t *testing.T) {
	start := Time(5)
	later := start.Add(3 * time.Second)
	if d := later.Sub(start); d != 3*time.Second {
		t.Errorf("Sub after Add = %v, want 3s", d)
	}
	if later.IsZero() || !Time(0).IsZero() {
		t.Error("IsZero is wrong")
	}
}
