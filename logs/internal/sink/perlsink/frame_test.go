package perlsink

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestChunk: no more is sent at a time than makes sense, and all is sent once and in order.
func TestChunk(t *testing.T) {
	var f frames
	for range 10 {
		f.add(0, "s", "g", make([]byte, chunkBytes/2))
	}
	f.add(0, "s", "g", make([]byte, 10*chunkBytes))
	var all []byte
	sent := 0
	for sent < f.len() {
		b, n := f.chunk(sent)
		if n > 2 || len(b) > 2*chunkBytes && n > 1 {
			t.Errorf("%d frames of %d bytes at a time", n, len(b))
		}
		all = append(all, b...)
		sent += n
	}
	if _, n := f.chunk(sent); n != 0 || !bytes.Equal(all, f.bytes) {
		t.Errorf("%d frames are left, %d bytes of %d were sent", n, len(all), len(f.bytes))
	}
}

// TestSettle: of what a process had received when it ended, the message under way is done, and the
// rest is not; requests to reopen end with it.
func TestSettle(t *testing.T) {
	s := &Sink{hup: make(chan struct{}, 1)}
	newProcess := func(owed string) *process {
		return &process{s: s, ready: make(chan struct{}), loaded: true, gone: make(chan struct{}), answered: make(chan struct{}, 1), owed: []byte(owed)}
	}
	for _, tt := range []struct {
		owed, answers string
		done          int
		interrupted   bool
	}{
		{"MMM", "", 0, false},
		{"MMM", "B", 1, true},
		{"MMM", "Bd", 2, true},
		{"MMM", "Bx", 2, true},
		{"MMM", "BD", 1, false},
		{"MMM", "BdD", 2, false},
		{"MMM", "BddD", 3, false},
		{"MhM", "Bd", 1, false}, // in a function for HUP
		{"MhM", "Bdd", 2, true},
	} {
		p := newProcess(tt.owed)
		if _, err := p.Write([]byte(tt.answers)); err != nil {
			t.Fatal(err)
		}
		close(p.gone)
		if done, interrupted := p.settle(); done != tt.done || interrupted != tt.interrupted {
			t.Errorf("%s, %s: %d done, interrupted %v", tt.owed, tt.answers, done, interrupted)
		}
		if done, interrupted := p.settle(); done != 0 || interrupted {
			t.Errorf("%s, %s: counted again", tt.owed, tt.answers)
		}
	}
}

func TestOutput(t *testing.T) {
	var s said
	o := &output{log: s.line, interval: time.Hour}
	write := func(text string) {
		t.Helper()
		if n, err := o.Write([]byte(text)); n != len(text) || err != nil {
			t.Error(n, err)
		}
	}
	write("one\ntw")
	write("o\r\n\n\nthree")
	if got := o.finish(); got != "three" || o.finish() != "" {
		t.Errorf("the last line was %q", got)
	}
	write(strings.Repeat("x", outputLine+1) + "\n")
	for range 30 {
		write("more\n")
	}
	want := "one\ntwo\nthree\n" + strings.Repeat("x", outputLine) + strings.Repeat("\nmore", outputLines-4) + "\n"
	if got := s.String(); got != want {
		t.Errorf("told %q", got)
	}
	o.tick(time.Now().Add(2 * time.Hour))
	if got := s.String(); got != strings.TrimSuffix(want, "\n")+"\n(14 more lines)\n" {
		t.Errorf("told %q", got)
	}
}

// TestAnswers: a process that answers what it was not asked is not believed.
func TestAnswers(t *testing.T) {
	for _, text := range []string{"d", "Rd", "R?", "?", "RBD"} {
		p := &process{s: &Sink{}, ready: make(chan struct{}), answered: make(chan struct{}, 1)}
		if _, err := p.Write([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
