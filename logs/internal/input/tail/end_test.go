package tail

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// strange is an open file that has NULs without end, or an error.
type strange struct{ err error }

func (s strange) ReadAt(b []byte, _ int64) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	time.Sleep(time.Millisecond) //house:sleep of the bubble of TestEndless
	clear(b)
	return len(b), nil
}

func (strange) Stat() (os.FileInfo, error) { return nil, errors.New("no information") }

func (strange) Close() error { return nil }

// TestEndless: a follower that skips NULs ends soon, however many there are.
func TestEndless(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	synctest.Test(t, func(t *testing.T) {
		f, err := New(Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		f.files = []*file{{f: strange{}}}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		var to taker
		go func() { ended <- f.Run(ctx, &to) }()
		time.Sleep(time.Second)
		cancel()
		select {
		case err = <-ended:
		case <-time.After(2 * endTime):
			err = errors.New("it still runs")
			f.files[0].f = strange{errors.New("enough")}
		}
		if n := f.Stats().NULs; err != nil || n == 0 {
			t.Errorf("after %d NULs: %v", n, err)
		}
		f.Close()
	})
}

// TestUnreadEnd: giving up a rotated file that cannot be read is a loss.
func TestUnreadEnd(t *testing.T) {
	f, err := New(Config{Path: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	f.to = new(taker)
	f.files = []*file{{f: strange{errors.New("stale file handle")}, old: true, settled: true}}
	f.poll(t.Context())
	if n := f.Stats().Losses; n != 1 || len(f.files) != 0 {
		t.Errorf("%d losses, %d files left", n, len(f.files))
	}
}
