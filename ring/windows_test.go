package ring

import "testing"

// TestSetWindows: a monitor changes the windows that it names, if that is possible, and nothing
// else.
func TestSetWindows(t *testing.T) {
	r, err := New(Config{Self: 7, Accelerated: true})
	if err != nil {
		t.Fatal(err)
	}
	windows := func() [3]int {
		st := r.Status()
		return [3]int{st.Window, st.PersonalWindow, st.AcceleratedWindow}
	}
	for _, tt := range []struct {
		set  [3]int
		ok   bool
		want [3]int
	}{
		{[3]int{-1, -1, -1}, true, [3]int{160, 20, 15}},
		{[3]int{200, -1, 0}, true, [3]int{200, 20, 0}},
		{[3]int{-1, 30, 30}, true, [3]int{200, 30, 30}},
		{[3]int{0, -1, -1}, false, [3]int{200, 30, 30}},
		{[3]int{-1, 0, -1}, false, [3]int{200, 30, 30}},
		{[3]int{10, -1, -1}, false, [3]int{200, 30, 30}},
		{[3]int{-1, -1, 31}, false, [3]int{200, 30, 30}},
	} {
		if err := r.SetWindows(tt.set[0], tt.set[1], tt.set[2]); (err == nil) != tt.ok {
			t.Errorf("SetWindows(%v): %v", tt.set, err)
		}
		if got := windows(); got != tt.want {
			t.Errorf("after SetWindows(%v) they are %v, want %v", tt.set, got, tt.want)
		}
	}
}
