package queue

import (
	"slices"
	"testing"
)

// TestList: when nobody takes the items, the newest are dropped and counted. An item above the limit is
// taken when the list is empty.
func TestList(t *testing.T) {
	l := NewList(10*itemCost, func(b *[]byte) int { return len(*b) })
	dropped := 0
	for i := range 3 {
		batch := make([][]byte, 4)
		for i := range batch {
			batch[i] = make([]byte, itemCost) // two costs each
		}
		d, puts, next := l.Put(batch)
		if dropped += len(d); puts != uint64(len(batch)*(i+1)-dropped) || len(next) != 0 {
			t.Fatalf("%d items were ever put, %d dropped, %d are next", puts, dropped, len(next))
		}
	}
	if dropped != 12-5 {
		t.Errorf("%d of 12 dropped, want 7", dropped)
	}
	if items, bytes := l.Waiting(); items != 5 || bytes != 10*itemCost {
		t.Errorf("%d items of %d bytes wait, want 5 of %d", items, bytes, 10*itemCost)
	}
	if n := len(slices.Concat(l.Take(nil)...)); n != 5 {
		t.Errorf("took %d, want 5", n)
	}
	large := make([]byte, 100*itemCost)
	if d, _, _ := l.Put([][]byte{large, {1}}); len(d) != 1 || len(d[0]) != 1 {
		t.Errorf("%d dropped behind a large one, want the one", len(d))
	}
	if got := slices.Concat(l.Take(nil)...); len(got) != 1 || len(got[0]) != len(large) {
		t.Errorf("took %d items, want the large one", len(got))
	}
}

// TestListReuses: the memory of batches goes around, items that were taken are not kept in it, and single items do not hold a
// batch each.
func TestListReuses(t *testing.T) {
	const room = 8
	l := NewList(1<<20, func(*[]byte) int { return 0 })
	next, done := make([][]byte, 0, room), [][][]byte(nil)
	if n := testing.AllocsPerRun(10, func() {
		for range 3 * room {
			_, _, next = l.Put(append(next, nil))
		}
		if done = l.Take(done); len(done) > 4 {
			t.Fatalf("%d items are in %d batches of %d", 3*room, len(done), room)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	b := []byte{1}
	for range maxSpareItems + 1 {
		_, _, next = l.Put(append(next, b))
	}
	if done = l.Take(l.Take(done)); len(done) > 0 || l.spared > maxSpareItems {
		t.Fatalf("memory for %d items is kept", l.spared)
	}
	for _, s := range l.spare {
		if i := slices.IndexFunc(s[:cap(s)], func(b []byte) bool { return b != nil }); i >= 0 {
			t.Fatal("an item that was taken is kept")
		}
	}
}
