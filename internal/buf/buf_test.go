package buf

import (
	"testing"
)

func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s did not panic", what)
		}
	}()
	f()
}

func TestReferences(t *testing.T) {
	var p Pool
	b := p.Get(100)
	if len(b.Bytes()) != Small {
		t.Fatalf("Get(100) gave %d bytes, want %d", len(b.Bytes()), Small)
	}
	b.Retain()
	b.Release()
	if n := p.Out(); n != 1 {
		t.Errorf("%d blocks out while one is held", n)
	}
	b.Release()
	if n := p.Out(); n != 0 {
		t.Errorf("%d blocks out after the last release", n)
	}
	mustPanic(t, "a release too many", b.Release)
}

func TestRetainFree(t *testing.T) {
	b := Wrap([]byte("x"))
	b.Release()
	mustPanic(t, "retaining a free block", b.Retain)
}

func TestClasses(t *testing.T) {
	var p Pool
	for _, tt := range []struct{ ask, want int }{
		{1, Small},
		{Small, Small},
		{Small + 1, Medium},
		{Medium + 1, Large},
		{Large + 1, Large + 1},
	} {
		b := p.Get(tt.ask)
		if len(b.Bytes()) != tt.want {
			t.Errorf("Get(%d) gave %d bytes, want %d", tt.ask, len(b.Bytes()), tt.want)
		}
		if want := int64(tt.want); b.Pooled() != (tt.want <= Large) || b.Pooled() && p.OutBytes() != want {
			t.Errorf("Get(%d): pooled %v, %d bytes out, want %d", tt.ask, b.Pooled(), p.OutBytes(), want)
		}
		b.Release()
	}
	if n := p.Out(); n != 0 {
		t.Errorf("%d blocks out", n)
	}
}

func TestSliceHasNoRoom(t *testing.T) {
	b := Wrap([]byte("hello world"))
	s := Slice{b, 0, 5}
	if got := append(s.Bytes(), '!'); string(got) != "hello!" {
		t.Errorf("append gave %q", got)
	}
	if string(b.Bytes()) != "hello world" {
		t.Errorf("append to a slice wrote into its neighbor: %q", b.Bytes())
	}
}

func BenchmarkGetRelease(b *testing.B) {
	var p Pool
	b.ReportAllocs()
	for b.Loop() {
		p.Get(Medium).Release()
	}
}
