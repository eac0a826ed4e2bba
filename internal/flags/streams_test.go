package flags

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
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
	var complaint bytes.Buffer
	o := &Output{name: "prog", file: w, complaint: &complaint, exit: func(s int) { status = s }}
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
	if complaint.Len() > 0 {
		t.Errorf("a closed pipe is complained about: %s", &complaint)
	}
	var b bytes.Buffer
	if Lasting(&b) != io.Writer(&b) {
		t.Error("another writer is changed")
	}
}

// TestOutputFails: results that cannot be written, as on a full disk, end the program with an error.
func TestOutputFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path) // for reading only
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var complaint bytes.Buffer
	var statuses []int
	o := &Output{name: "prog", file: f, complaint: &complaint, exit: func(s int) { statuses = append(statuses, s) }}
	if _, err := io.WriteString(o, "x"); err == nil || len(statuses) != 1 || statuses[0] != Failed {
		t.Errorf("%v, exits with %v, want %d", err, statuses, Failed)
	}
	if got := complaint.String(); !strings.HasPrefix(got, "prog: cannot write to standard output: write ") || strings.Count(got, "\n") != 1 {
		t.Errorf("says %q", got)
	}
	if _, err := io.WriteString(Lasting(o), "x"); err == nil || len(statuses) != 1 {
		t.Errorf("lasting: %v, exits with %v", err, statuses)
	}
}
