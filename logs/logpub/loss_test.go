package logpub

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/input/tail"
)

// TestLossWarns: files beside the target of a link are published; one that is gone is a warning with its
// number, and counts as a loss.
func TestLossWarns(t *testing.T) {
	dir := t.TempDir()
	target, path := filepath.Join(dir, "app.out"), filepath.Join(dir, "access.log")
	if err := errors.Join(os.WriteFile(target, []byte("the first line\n"), 0o600), os.Symlink(target, path)); err != nil {
		t.Skip(err) // Windows lets administrators do that
	}
	synctest.Test(t, func(t *testing.T) {
		var d fakeDaemon
		var log testkit.Output
		run := func() *tail.Stats {
			p := newPublisher(t, &d, nil)
			file, err := NewFile(tail.Config{Path: path, State: dir, FromStart: true}, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			if err := p.RunInputs(ctx, Input{Source: file}); err != nil {
				t.Error(err)
			}
			return p.Stats().Inputs[0].File
		}
		run()
		err := os.Rename(target, target+".3")
		for name, text := range map[string]string{".1": "the third line\n", "": "the fourth line\n"} {
			err = errors.Join(err, os.WriteFile(target+name, []byte(text), 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
		if st := run(); st.Losses != 1 {
			t.Errorf("stats are %+v", st)
		}
		if want := []string{"the first line\n", "the third line\n", "the fourth line\n"}; !slices.Equal(d.got(), want) {
			t.Errorf("sent %q, want %q", d.got(), want)
		}
		if line := log.Wait(t, "level=WARN"); !strings.Contains(line, "file="+path) || !strings.Contains(line, target+".3 and "+path+" there are no files with the numbers [2]") {
			t.Errorf("the warning is %s", line)
		}
	})
}

// TestTwoLogsubsOfOneHost: processes of one log host that run beside each other do not have everything announced again and again.
func TestTwoLogsubsOfOneHost(t *testing.T) {
	s := sender{due: make(chan struct{}, 1)}
	for i, instance := range []uint64{1, 2, 1, 2} {
		s.announcer.again.Store(false)
		if s.meet("log1", instance); s.announcer.again.Load() != (i < 2) {
			t.Errorf("the %dth ack: everything is announced again: %v", i, i >= 2)
		}
	}
}
