package poller

import (
	"os"
	"testing"
	"time"
)

// TestDescriptors: watched descriptors end a wait, others do not.
func TestDescriptors(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	var readers, writers [2]*os.File
	var slots [2]int
	for i := range readers {
		if readers[i], writers[i], err = os.Pipe(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = readers[i].Close(), writers[i].Close() })
		slots[i] = p.Add(int(readers[i].Fd()))
	}
	readable := func(want [2]bool) {
		t.Helper()
		for i := range slots {
			if got := p.Readable(slots[i]); got != want[i] {
				t.Errorf("descriptor %d: readable is %v", i, got)
			}
		}
	}
	short := func() (ended bool) {
		const d = 5 * time.Millisecond
		began := time.Now()
		p.Wait(d, nothing)
		return time.Since(began) < d
	}
	if short() {
		t.Error("a wait for nothing ends")
	}
	readable([2]bool{})
	if _, err := writers[1].WriteString("x"); err != nil {
		t.Fatal(err)
	}
	p.Wait(patience, nothing)
	readable([2]bool{false, true})
	p.Watch(slots[1], false)
	p.Watch(slots[1], false)
	readable([2]bool{})
	if short() {
		t.Error("a descriptor that is not watched ends a wait")
	}
	p.Watch(slots[1], true)
	p.Wait(0, nil)
	readable([2]bool{false, true})
	// An owner that has work still learns which descriptors are readable.
	p.Watch(slots[1], false)
	p.Watch(slots[1], true)
	p.Wait(patience, func() bool { return true })
	readable([2]bool{false, true})
	p.Remove(slots[0])
	if _, err := writers[0].WriteString("x"); err != nil {
		t.Fatal(err)
	}
	p.Wait(0, nil)
	readable([2]bool{false, true})
	if slot := p.Add(int(readers[0].Fd())); slot != slots[0] {
		t.Errorf("a gap at %d is not used: %d", slots[0], slot)
	}
	p.Wait(0, nil)
	readable([2]bool{true, true})
}
