package queue

import "testing"

// TestList: when nobody takes the items, the newest are dropped and counted. An item above the limit is
// taken when the list is empty.
func TestList(t *testing.T) {
	l := NewList(10*itemCost, func(b *[]byte) int { return len(*b) })
	batch := make([][]byte, 4)
	for i := range batch {
		batch[i] = make([]byte, itemCost) // two costs each
	}
	dropped := 0
	for i := range 3 {
		n, puts := l.Put(batch)
		if dropped += n; puts != uint64(len(batch)*(i+1)-dropped) {
			t.Fatalf("%d items were ever put, %d dropped", puts, dropped)
		}
	}
	if dropped != 12-5 {
		t.Errorf("%d of 12 dropped, want 7", dropped)
	}
	if items, bytes := l.Waiting(); items != 5 || bytes != 10*itemCost {
		t.Errorf("%d items of %d bytes wait, want 5 of %d", items, bytes, 10*itemCost)
	}
	if got := l.Take(nil); len(got) != 5 {
		t.Errorf("took %d, want 5", len(got))
	}
	large := make([]byte, 100*itemCost)
	if n, _ := l.Put([][]byte{large, nil}); n != 1 {
		t.Errorf("%d dropped behind a large one, want 1", n)
	}
	if got := l.Take(nil); len(got) != 1 || len(got[0]) != len(large) {
		t.Errorf("took %d items, want the large one", len(got))
	}
}
