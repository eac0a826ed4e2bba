package integration

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spreadd/spreadd/integration/harness"
	"github.com/spreadd/spreadd/internal/testkit/testskip"
)

// TestPrivileges: a daemon that root starts becomes its user, also in another root directory, stops in
// order with status 0, and leaves no socket behind where its user may remove it.
func TestPrivileges(t *testing.T) {
	if os.Geteuid() != 0 {
		testskip.Skip(t, "only root can become another user: run the test as root")
	}
	spreadd := filepath.Join(programs.Build(t, "spreadd"), "spreadd")
	for _, tt := range []struct {
		name, options string
		mode          os.FileMode // of the directory of the sockets, which root owns
		says          string
		left          int
	}{
		{"a directory of its own", "", 0, "privileges dropped", 0},
		{"a directory for all", "", 0o777 | os.ModeSticky, "privileges dropped", 0},
		{"another root directory", "RuntimeDir = %s\n", 0o777 | os.ModeSticky, "privileges dropped", 0},
		{"a directory of root", "", 0o755, "cannot remove the UNIX socket", 2},
		{"no user", "no user", 0o755, "running as root", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "spread") //nolint:usetesting // Another user must reach it, and t.TempDir lies below a directory of this one.
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			sockets := filepath.Join(dir, "run")
			if tt.mode != 0 {
				if err := os.Mkdir(sockets, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(sockets, tt.mode); err != nil {
					t.Fatal(err)
				}
			}
			options := "DaemonUser = nobody\nDaemonGroup = nogroup\n"
			switch {
			case tt.options == "no user":
				options = ""
			case tt.options != "":
				options += fmt.Sprintf(tt.options, dir)
			}
			port := freePort(t)
			conf := writeFile(t, filepath.Join(dir, "spread.conf"), fmt.Sprintf("%sSpread_Segment 127.0.0.1:%d {\n\there 127.0.0.1\n}\n", options, port))
			args := []string{"-c", conf, "-run-dir", sockets, "-socket-dir", ""}
			if tt.mode != 0 {
				args = []string{"-c", conf, "-run-dir", sockets, "-socket-dir", sockets}
			}
			d := harness.Launch(t, spreadd, args...)
			d.Expect("ring formed")
			c, err := net.Dial("unix", filepath.Join(sockets, fmt.Sprintf("%d.sock", port)))
			if err != nil {
				t.Fatal(err)
			}
			_ = c.Close()
			d.Signal(syscall.SIGTERM)
			if err := d.Wait(); err != nil {
				t.Errorf("an orderly stop: %v\n%s", err, d.Tail(20))
			}
			if !d.Says(tt.says) {
				t.Errorf("the log lacks %q:\n%s", tt.says, d.Tail(20))
			}
			left, err := filepath.Glob(filepath.Join(sockets, "*"))
			left = onlySockets(left)
			if err != nil || len(left) != tt.left {
				t.Errorf("the end leaves %v (%v)", left, err)
			}
		})
	}
}

// onlySockets returns the paths that are UNIX sockets.
func onlySockets(paths []string) (sockets []string) {
	for _, p := range paths {
		if info, err := os.Lstat(p); err == nil && info.Mode().Type() == os.ModeSocket {
			sockets = append(sockets, p)
		}
	}
	return sockets
}

// TestLoopbackOnly: a daemon on the loopback, with a file or without, cannot be reached from outside.
func TestLoopbackOnly(t *testing.T) {
	spreadd := filepath.Join(programs.Build(t, "spreadd"), "spreadd")
	dir := t.TempDir()
	port := freePort(t)
	conf := writeFile(t, filepath.Join(dir, "spread.conf"), fmt.Sprintf("DaemonUser = root\nDaemonGroup = root\nSpread_Segment 127.0.0.1:%d {\n\there 127.0.0.1\n}\n", port))
	d := harness.Launch(t, spreadd, "-c", conf, "-socket-dir", dir)
	d.Expect("ring formed")
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		text := readFile(t, filepath.Join("/proc", fmt.Sprint(d.Cmd.Process.Pid), "net", table))
		for _, p := range []int{port, port + 1} {
			for line := range strings.Lines(text) {
				f := strings.Fields(line)
				if len(f) > 1 && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", p)) && !strings.HasPrefix(f[1], "0100007F:") {
					t.Errorf("%s: it listens on %s", table, f[1])
				}
			}
		}
	}
	d.Stop()
}
