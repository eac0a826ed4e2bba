//go:build unix

package integration

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
)

// unread starts a program, waits until it has logged each text, and closes the pipe that its
// standard output and standard error go to.
func unread(t *testing.T, cmd *exec.Cmd, logs ...string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := errors.Join(cmd.Start(), w.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	s := bufio.NewScanner(r)
	for _, text := range logs {
		var all strings.Builder
		for found := false; !found; found = strings.Contains(s.Text(), text) {
			if !s.Scan() {
				t.Fatalf("%s ends without having printed %q:\n%s", filepath.Base(cmd.Path), text, all.String())
			}
			fmt.Fprintln(&all, s.Text())
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

// terminate ends a program and checks that nothing else has ended it.
func terminate(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v", filepath.Base(cmd.Path), err)
	}
}

// TestLogUnread: no program ends because the reader of its log is gone, and the commands of logsub
// have the usual SIGPIPE.
func TestLogUnread(t *testing.T) {
	bin := programs.Build(t, "spreadd", "logpub", "logsub", "logmon")
	dir, port, metrics := t.TempDir(), freePort(t), freePort(t)
	path := func(name string) string { return filepath.Join(dir, name) }
	address := fmt.Sprintf("%d@127.0.0.1", port)
	command := func(name string, args ...string) *exec.Cmd {
		return exec.CommandContext(t.Context(), filepath.Join(bin, name), args...)
	}
	conf := writeFile(t, path("spread.conf"), fmt.Sprintf("Spread_Segment 127.0.0.255:%d {\n\tweb1 127.0.0.1\n}\n", port))
	spreadd := command("spreadd", "-n", "web1", "-c", conf, "-socket-dir", "")
	unread(t, spreadd, "serving clients")
	testkit.Wait(t, "the daemon", func() bool { return answers(port) })

	writeFile(t, path("in"), "")
	pub := writeFile(t, path("logpub.toml"), fmt.Sprintf("daemon = %q\nstate = %q\n[[input]]\nfile = %q\ngroups = [\"g\"]\nfrom_start = true\n", address, path("state"), path("in")))
	logpub := command("logpub", "-c", pub)
	unread(t, logpub, "connected")
	logsub := command("logsub", "-s", address, "-g", "g", "-o", path("out"),
		"-g", "g", "-o", "|{ yes; echo $? > "+path("status")+"; } | head -n 1 > /dev/null; cat > /dev/null")
	unread(t, logsub, "joined group")
	logmon := command("logmon", "-s", address, "-g", "g", "-plain", "-interval", "1s", "-metrics", fmt.Sprintf("127.0.0.1:%d", metrics))
	unread(t, logmon, "joined", "requests")

	for _, cmd := range []*exec.Cmd{spreadd, logpub, logsub} {
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil { // they log that they reload
			t.Fatal(err)
		}
	}
	conn, err := spread.Dial(t.Context(), address)
	if err != nil {
		t.Fatalf("the daemon: %v", err)
	}
	_ = conn.Close()
	writeFile(t, path("in"), "line\n")
	testkit.Wait(t, "the line", func() bool { return readFile(t, path("out")) == "line\n" })
	testkit.Wait(t, "the status of a command", func() bool { return strings.HasSuffix(readFile(t, path("status")), "\n") })
	if got := readFile(t, path("status")); got != "141\n" {
		t.Errorf("a command in a sink that writes to a closed pipe has status %q, want that of SIGPIPE", got)
	}
	terminate(t, logpub)
	terminate(t, spreadd) // the others log that they have lost the connection
	testkit.Wait(t, "logmon to count", func() bool {
		return get(t, http.DefaultClient, fmt.Sprintf("http://127.0.0.1:%d/metrics", metrics)) == http.StatusOK
	})
	terminate(t, logmon)
	terminate(t, logsub)
}

// TestOutputUnread: a program ends without a word when nobody reads its results.
func TestOutputUnread(t *testing.T) {
	bin := programs.Build(t, "spreadd", "logpub", "logsub", "logmon", "spuser", "spmonitor", "spbench", "spreaddemo")
	s := newSite(t, bin)
	address := fmt.Sprintf("%d@127.0.0.1", s.port)
	if err := os.Mkdir(s.path("logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	commands := [][]string{
		{"logmon", "-plain", "-s", address, "-g", "g", "-interval", "1s"},
		{"logmon", "-json", "-s", address, "-g", "g", "-interval", "1s"},
		{"logmon", "-once", "-s", address, "-g", "g", "-interval", "1s"},
		{"logsub", "-verify", s.path("logs")},
		{"logsub", "-check", "-g", "g", "-o", "/tmp/x"},
		{"logpub", "-check", "-g", "g"},
		{"spreadd", "-check", "-c", s.path("spread.conf"), "-n", "web1"},
		{"spmonitor", "-json", "-c", s.path("spread.conf"), "-n", "web1"},
		{"spmonitor", "-c", s.path("spread.conf"), "-n", "web1"},
		{"spuser", "-s", address},
		{"spuser", "-json", "-s", address},
		{"spbench", "-s", address, "-for", "100ms", "-warmup", "0s"},
		{"spreaddemo"},
	}
	for _, p := range []string{"spreadd", "logpub", "logsub", "logmon", "spuser", "spmonitor", "spbench", "spreaddemo"} {
		commands = append(commands, []string{p, "-h"}, []string{p, "-version"})
	}
	for _, args := range commands {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			var stderr testkit.Output
			cmd := exec.CommandContext(t.Context(), s.program(args[0]), args[1:]...)
			cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
			cmd.Stdin = strings.NewReader("j g\ns g\ntext\n")
			cmd.Stdout, cmd.Stderr = w, &stderr
			if err := errors.Join(r.Close(), cmd.Start(), w.Close()); err != nil {
				t.Fatal(err)
			}
			err = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != flags.BrokenPipe {
				t.Errorf("it ends with %v, want status %d", err, flags.BrokenPipe)
			}
			for line := range strings.Lines(stderr.String()) {
				if !strings.Contains(line, "level=INFO") {
					t.Errorf("it prints %q", line)
				}
			}
		})
	}
}
