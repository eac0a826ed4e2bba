//go:build unix

package tail

import (
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit"
)

// TestFIFO: FIFOs in the place of the file, and beside it under a name that a copy could have, do not
// stop the follower.
func TestFIFO(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	var none taker
	follow(t, Config{Path: path, FromStart: true}, &none)(true)

	if err := syscall.Mkfifo(filepath.Join(dir, "access.log.pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "access.log")
	cfg := Config{Path: path, FromStart: true, State: filepath.Join(dir, "state")}
	var to taker
	stop := follow(t, cfg, &to)
	write(t, path, "one\n")
	testkit.Wait(t, "the first line", func() bool { return len(to.got()) == 1 })
	stop(true)
	rename(t, path) // the next follower looks for the file beside its path
	write(t, path, "two\n")
	stop = follow(t, cfg, &to)
	testkit.Wait(t, "the second line", func() bool { return len(to.got()) == 2 })
	stop(true)
	if got := to.got(); !slices.Equal(got, []string{"one\n", "two\n"}) {
		t.Errorf("came %q", got)
	}
}
