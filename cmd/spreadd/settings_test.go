package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/flags"
)

// writeFile writes a file in a directory and returns its path.
func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCheckSettings: -check prints the settings as understood, or the mistakes of both files.
func TestCheckSettings(t *testing.T) {
	t.Chdir(t.TempDir())
	good := writeFile(t, t.TempDir(), "good.toml", "[socket]\nmode = \"660\"\n")
	status, stdout, stderr := runArgs(t, "-check", "-settings", good)
	if want := "\n# " + good + ":\n# [socket]\n# mode = \"0660\"\n"; status != flags.OK || !strings.Contains(stdout, want) {
		t.Errorf("status %d, printed %q %q, want %q", status, stdout, stderr, want)
	}
	bad := writeFile(t, t.TempDir(), "bad.toml", "[sockets]\n")
	conf := writeFile(t, t.TempDir(), "bad.conf", "Window = 70000\n")
	status, _, stderr = runArgs(t, "-check", "-settings", bad, "-c", conf)
	if status != flags.Failed || !strings.Contains(stderr, bad+":1:1: ") || !strings.Contains(stderr, conf+":1:") {
		t.Errorf("status %d, printed %q", status, stderr)
	}
}

// TestMay: -may answers by the rules of the documentation, and names the rule.
func TestMay(t *testing.T) {
	t.Chdir(t.TempDir())
	file := writeFile(t, t.TempDir(), "spreadd.toml", "[[allow]]\nidentity = \"web1\"\nsend = \"coolsite\"\n\n[[allow]]\naddress = \"10.0.0.0/8\"\njoin = \"*\"\n")
	for question, want := range map[string]string{
		"web1 send coolsite":     "yes: rule 1, " + file + ":1:1\n",
		"10.1.2.3 join coolsite": "yes: rule 2, " + file + ":5:1\n",
		"web1 join coolsite":     "",
		"what":                   "",
		"":                       "", // such as an empty variable of a script
	} {
		status, stdout, stderr := runArgs(t, "-check", "-settings", file, "-may", question)
		if stdout != want || (status == flags.OK) != (want != "") || (stderr == "") != (want != "") {
			t.Errorf("%q: status %d, %q, %q", question, status, stdout, stderr)
		}
	}
}

// TestSocketSettings: the sockets are where the settings put them, with their mode and group; a flag
// wins; and what a reload cannot change is logged.
func TestSocketSettings(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes")
	}
	dir := t.TempDir()
	f := fleet{t: t, file: filepath.Join(dir, "spread.conf"), ports: make(map[string]int)}
	f.write("", "alpha")
	text := fmt.Sprintf("[socket]\ndir = %q\nlegacy_dir = %q\nmode = \"0600\"\n", filepath.Join(dir, "run"), filepath.Join(dir, "tmp"))
	file := writeFile(t, dir, "spreadd.toml", text)
	d := f.start("alpha", "-settings", file, "-socket-dir", dir, "-run-dir", dir)
	port := f.ports["alpha"]
	for _, path := range []string{filepath.Join(dir, fmt.Sprint(port)), filepath.Join(dir, fmt.Sprint(port)+".sock")} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	writeFile(t, dir, "spreadd.toml", text+"group = \"adm\"\n")
	f.reload(d, "take effect only after a restart")
	if out := d.stdout.String(); !strings.Contains(out, "options=[[socket]]") {
		t.Errorf("the log does not name the settings:\n%s", out)
	}
	writeFile(t, dir, "spreadd.toml", text+"grop = \"adm\"\n")
	f.reload(d, "cannot reload the configuration")
	d.stop()
	if status := <-d.status; status != flags.OK {
		t.Errorf("status %d: %s", status, &d.stderr)
	}
	if left, err := filepath.Glob(filepath.Join(dir, fmt.Sprint(port)+"*")); err != nil || len(left) > 0 {
		t.Errorf("the end leaves %v (%v)", left, err)
	}
	f.start("alpha", "-settings", writeFile(t, dir, "spreadd.toml", strings.NewReplacer("/run\"", "\"", "/tmp\"", "\"").Replace(text)))
	if _, err := os.Stat(filepath.Join(dir, fmt.Sprint(port)+".sock")); err != nil {
		t.Error(err)
	}
}
