//go:build unix

package main

import (
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/sdnotify"
)

// TestService: systemd learns when the daemon serves clients, who is in its ring, that it is alive,
// that a reload refused a file, and when it stops.
func TestService(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "400000")
	t.Setenv("WATCHDOG_PID", "")
	f := &fleet{t: t, file: filepath.Join(t.TempDir(), "spread.conf"), ports: make(map[string]int)}
	f.write("", "a", "b")
	f.with = func(p *program) { p.service.conn = sdnotify.Open() }
	a := f.start("a")
	f.with = nil
	want := func(text string) {
		t.Helper()
		if err := l.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4096)
		for {
			n, err := l.Read(b)
			if err != nil {
				t.Fatalf("waiting for %q: %v", text, err)
			}
			if strings.Contains(string(b[:n]), text) {
				return
			}
		}
	}
	want("READY=1\nSTATUS=ring of 1 of 2 daemons: a; without b\n")
	want("WATCHDOG=1\n")
	b := f.start("b")
	want("STATUS=ring of 2 of 2 daemons: a b\n")
	f.write("Nonsense = 3\n", "a", "b")
	a.hup <- syscall.SIGHUP
	want("RELOADING=1\n")
	want("READY=1\nSTATUS=ring of 2 of 2 daemons: a b; configuration refused, the old one is in use: " + f.file + ":")
	f.write("", "a", "b")
	a.hup <- syscall.SIGHUP
	want("READY=1\nSTATUS=ring of 2 of 2 daemons: a b\n")
	b.stop()
	want("STATUS=ring of 1 of 2 daemons: a; without b\n")
	a.stop()
	want("STOPPING=1\n")
}
