//go:build unix

package sdnotify

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// listen plays systemd.
func listen(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "2000000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	return l
}

func TestMessages(t *testing.T) {
	l := listen(t)
	c := Open()
	if c.Watchdog() != 2*time.Second {
		t.Errorf("watchdog %v", c.Watchdog())
	}
	if os.Getenv("NOTIFY_SOCKET")+os.Getenv("WATCHDOG_USEC")+os.Getenv("WATCHDOG_PID") != "" {
		t.Error("children would report in our name")
	}
	c.Reloading()
	c.Ready("one\nREADY=2 ")
	c.Status("two")
	c.Alive()
	c.Stopping()
	for _, want := range []string{"RELOADING=1\n", "READY=1\nSTATUS=one READY=2\n", "STATUS=two\n", "WATCHDOG=1\n", "STOPPING=1\n"} {
		b := make([]byte, 1000)
		n, err := l.Read(b)
		if got := string(b[:n]); err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
}

// TestWithout: a program that systemd did not start reports nothing, and a watchdog that belongs to
// another process is not ours.
func TestWithout(t *testing.T) {
	listen(t)
	t.Setenv("WATCHDOG_PID", "1")
	if c := Open(); c.Watchdog() != 0 {
		t.Errorf("watchdog %v of another process", c.Watchdog())
	}
	t.Setenv("NOTIFY_SOCKET", "/nowhere/notify")
	for range 2 {
		c := Open()
		if c != nil {
			t.Error("a connection to nothing")
		}
		c.Ready("")
		c.Stopping()
	}
}
