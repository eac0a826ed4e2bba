package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHistory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state", "spuser", "history")
	h := openHistory(file)
	for _, line := range []struct {
		text string
		keep bool
	}{{"j g", true}, {"j g", true}, {"", true}, {"  ", true}, {"s g", true}, {"a secret", false}, {"\x1b[2J", true}, {"q", true}} {
		h.keep = line.keep
		h.Add(line.text)
	}
	if got := fmt.Sprint(h.lines); got != "[j g s g a secret q]" || h.Len() != 4 || h.At(0) != "q" || h.At(3) != "j g" {
		t.Errorf("in memory: %s", got)
	}
	text, err := os.ReadFile(file)
	if err != nil || string(text) != "j g\ns g\nq\n" {
		t.Errorf("in the file: %q, %v", text, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others can read it: %v, %v", info, err)
	}
	if got := fmt.Sprint(openHistory(file).lines); got != "[j g s g q]" {
		t.Errorf("read again: %s", got)
	}
}

// TestHistoryBound: neither memory nor the file grows without end.
func TestHistoryBound(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history")
	var text strings.Builder
	for i := range 2*maxHistory + 1 {
		fmt.Fprintf(&text, "j g%d\n", i)
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	h := openHistory(file)
	if h.Len() != maxHistory || h.At(0) != fmt.Sprintf("j g%d", 2*maxHistory) {
		t.Errorf("%d lines, the last %q", h.Len(), h.At(0))
	}
	h.Add("one more")
	if h.Len() != maxHistory || h.At(0) != "one more" {
		t.Errorf("%d lines, the last %q", h.Len(), h.At(0))
	}
	shorter, err := os.ReadFile(file)
	if n := strings.Count(string(shorter), "\n"); err != nil || n != maxHistory {
		t.Errorf("%d lines in the file (%v)", n, err)
	}
}

// TestHistoryUnwritable: without a file there is a history all the same.
func TestHistoryUnwritable(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "blocked")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"", filepath.Join(blocked, "spuser", "history"), filepath.Dir(blocked)} {
		h := openHistory(file)
		h.keep = true
		h.Add("j g")
		if h.Len() != 1 {
			t.Errorf("%q: %d lines", file, h.Len())
		}
	}
}

func TestHistoryFile(t *testing.T) {
	home, state := t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_STATE_HOME", state)
	if got, want := historyFile(), filepath.Join(state, "spuser", "history"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	t.Setenv("XDG_STATE_HOME", "relative")
	t.Setenv("USERPROFILE", home) // where Windows has it
	if got, want := historyFile(), filepath.Join(home, ".local", "state", "spuser", "history"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
