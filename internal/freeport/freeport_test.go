package freeport

import (
	"strings"
	"testing"
)

// TestFind: ports keep apart, since each needs the one above it.
func TestFind(t *testing.T) {
	var taken []int
	for range 20 {
		p, err := Find(t.Context(), taken)
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range taken {
			if p >= other-1 && p <= other+1 {
				t.Errorf("port %d beside %d", p, other)
			}
		}
		taken = append(taken, p)
	}
	all := make([]int, 0, 1<<15)
	for p := range 1 << 15 {
		all = append(all, 2*p)
	}
	if p, err := Find(t.Context(), all); err == nil || !strings.Contains(err.Error(), "beside one that is taken") {
		t.Errorf("port %d, %v, though each is taken or beside one", p, err)
	}
}
