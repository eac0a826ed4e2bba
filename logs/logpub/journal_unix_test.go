//go:build unix

package logpub

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/input/tail"
)

// TestJournal: entries of the journal are sent as lines, and those that were sent do not come again.
func TestJournal(t *testing.T) {
	dir := t.TempDir()
	command := filepath.Join(dir, "journalctl")
	entries := filepath.Join(dir, "entries")
	script := fmt.Sprintf("#!/bin/sh\ncase \"$*\" in *=c2*) exec sleep 60;; *) cat %s; exec sleep 60;; esac\n", entries)
	text := `{"__CURSOR":"c1","MESSAGE":"GET /a"}` + "\n" + `{"__CURSOR":"c2","MESSAGE":"GET /b"}` + "\n"
	for path, text := range map[string]string{command: script, entries: text} {
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"GET /a\n", "GET /b\n"}
	for range 2 {
		var d fakeDaemon
		p := newPublisher(t, &d, nil)
		j, err := NewSystemdJournal(tail.JournalConfig{Command: command, State: dir, FromStart: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.RunInputs(ctx, Input{Source: j}) }()
		testkit.Wait(t, "a connection and lines", func() bool { return len(d.dials()) > 0 && len(d.got()) >= len(want) })
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if got := d.got(); !slices.Equal(got, want) {
			t.Errorf("sent %q, want %q", got, want)
		}
		want = nil
	}
}
