package tail

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// unprivileged runs a follower as a user who may not read everything, even if the test is root's.
func unprivileged(t *testing.T, cfg Config, to Taker) (stop func()) {
	t.Helper()
	f, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if os.Getuid() == 0 {
			syscall.Setfsuid(65534) //nolint:errcheck // it has no error
		}
		done <- f.Run(ctx, to)
		f.Close()
		done <- nil
	}()
	return func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		<-done
	}
}

// TestUnreadable: a file that cannot be read at the start is read from its position once it can be.
// Without a position, what it had at the start is skipped.
func TestUnreadable(t *testing.T) {
	for _, position := range []bool{false, true} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprint("position ", position, " restart ", restart), func(t *testing.T) {
				top, err := os.MkdirTemp("", "tail") //nolint:usetesting // a folder of the test's is for its user only
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = os.RemoveAll(top) })
				state := filepath.Join(top, "state")
				for _, err := range []error{os.Chmod(top, 0o755), os.Mkdir(state, 0o700), os.Chmod(state, 0o777)} {
					if err != nil {
						t.Fatal(err)
					}
				}
				chmod := func(path string, mode os.FileMode) {
					if err := os.Chmod(path, mode); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Test(t, func(t *testing.T) {
					path := filepath.Join(top, "log")
					cfg := Config{Path: path, State: state}
					var to taker
					write(t, path, strings.Join(numbered(1, 1000), ""))
					chmod(path, 0o644)
					if position {
						stop := unprivileged(t, cfg, &to)
						time.Sleep(5 * time.Second)
						stop()
					}
					write(t, path, "line 001001\n")
					chmod(path, 0)
					stop := unprivileged(t, cfg, &to)
					time.Sleep(5 * time.Second)
					if restart {
						stop()
						stop = unprivileged(t, cfg, &to)
						time.Sleep(5 * time.Second)
					}
					write(t, path, "line 001002\n")
					chmod(path, 0o644)
					time.Sleep(5 * time.Second)
					stop()
					want := numbered(1001, 1002)
					if !position {
						want = want[1:]
					}
					if got := to.got(); !slices.Equal(got, want) {
						t.Errorf("%d lines came, want %d", len(got), len(want))
					}
				})
			})
		}
	}
}
