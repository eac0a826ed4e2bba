package flags

import (
	"bytes"
	"io"
	"os"
	"testing"
)

// TestOutput: results that nobody reads end the program, and a lasting output fails.
func TestOutput(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	status, cleaned := OK, false
	o := &Output{file: w, exit: func(s int) { status = s }}
	if _, err := io.WriteString(o, "read"); err != nil || status != OK {
		t.Errorf("to a pipe that is read: %v, status %d", err, status)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(Lasting(o), "x"); err == nil || status != OK {
		t.Errorf("lasting: %v, status %d", err, status)
	}
	o.BeforeExit(func() {
		if status != OK {
			t.Error("it has ended already")
		}
		cleaned = true
	})
	if _, err := io.WriteString(o, "x"); err == nil || status != BrokenPipe || !cleaned {
		t.Errorf("closed: %v, status %d, want %d; cleaned %v", err, status, BrokenPipe, cleaned)
	}
	var b bytes.Buffer
	if Lasting(&b) != io.Writer(&b) {
		t.Error("another writer is changed")
	}
}
