package tail

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// TestPermission: a file that may not be read is reported once, with advice, and read once it may.
func TestPermission(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	write(t, path, "a line\n")
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // for another user
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var events []string
		f, err := New(Config{Path: path, FromStart: true, OnEvent: func(what string, err error) {
			if err != nil {
				what += ": " + err.Error()
			}
			events = append(events, what)
		}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var to taker
		done := make(chan error, 1)
		go func() {
			if os.Geteuid() == 0 {
				// Root may read everything. The thread ends with the goroutine.
				runtime.LockOSThread()
				_ = unix.Setfsuid(65534)
			}
			done <- f.Run(ctx, &to)
		}()
		time.Sleep(time.Minute)
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		f.Close()
		if len(events) != 2 || !strings.HasSuffix(events[0], "permission denied; let the user of logpub read it, for example by adding that user to group adm") ||
			events[1] != "file can be read now" {
			t.Errorf("reported %q", events)
		}
		if got := to.got(); !slices.Equal(got, []string{"a line\n"}) {
			t.Errorf("came %q", got)
		}
	})
}
