package queue

import (
	"testing"
	"time"
)

// TestAges: a long outage takes little memory, and a block is at most some blocks older than it is said to be.
func TestAges(t *testing.T) {
	var a ages
	start := time.Unix(1_700_000_000, 0)
	born := func(id uint64) time.Time { return start.Add(time.Duration(id) * time.Second) }
	if got := a.of(7); !got.IsZero() {
		t.Errorf("a block that nobody has seen came at %v", got)
	}
	const last = 100_000
	for id := uint64(5); id <= last; id++ {
		a.add(id, born(id))
		if len(a.marks) > maxMarks {
			t.Fatalf("%d marks", len(a.marks))
		}
	}
	for id := uint64(5); id <= last; id += 777 {
		a.forget(id - 1)
		if off := born(id).Sub(a.of(id)); off < 0 || off > 4*last/maxMarks*time.Second {
			t.Errorf("block %d is taken to be %v older", id, off)
		}
		a.met(id, born(id))
		if got := a.of(id); !got.Equal(born(id)) {
			t.Errorf("block %d, which was read, came at %v", id, got)
		}
	}
	a.met(last, time.Time{}) // of a version that did not note it
	if got := a.of(last); got.After(born(last)) {
		t.Errorf("the last block came at %v", got)
	}
	a.clear()
	a.add(last+1, born(last+1))
	a.add(last+2, born(last+2))
	if got := a.of(last + 2); !got.Equal(born(last + 2)) {
		t.Errorf("after all was forgotten a block came at %v", got)
	}
}
