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
	status := OK
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
	if _, err := io.WriteString(o, "x"); err == nil || status != BrokenPipe {
		t.Errorf("closed: %v, status %d, want %d", err, status, BrokenPipe)
	}
	var b bytes.Buffer
	if Lasting(&b) != io.Writer(&b) {
		t.Error("another writer is changed")
	}
}
