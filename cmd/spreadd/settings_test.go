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
	"github.com/spreadd/spreadd/spread"
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
	empty := writeFile(t, t.TempDir(), "empty.toml", "# realtime = true\n")
	status, stdout, stderr = runArgs(t, "-check", "-settings", empty)
	if want := "\n# " + empty + ": all settings have their defaults\n"; status != flags.OK || !strings.HasSuffix(stdout, want) {
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
	file := writeFile(t, t.TempDir(), "spreadd.toml", "[[allow]]\nidentity = \"web1\"\nsend = \"coolsite\"\n\n[[allow]]\naddress = \"10.0.0.0/8\"\njoin = \"*\"\n"+
		"[tls]\nlisten = \":4804\"\ncertificate = \"/c\"\nkey = \"/k\"\nclient_ca = \"/ca\"\n")
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

// TestRulesStay: a reload that would end the rules or the keys, so that everybody may do anything, changes
// nothing, as one with a mistake does. One that allows everything in so many words is obeyed.
func TestRulesStay(t *testing.T) {
	dir := t.TempDir()
	f := fleet{t: t, file: filepath.Join(dir, "spread.conf"), ports: make(map[string]int)}
	f.write("", "alpha")
	keys := writeFile(t, dir, "ring.keys", "keys = [\"aes-256-gcm:"+strings.Repeat("A", 43)+"=\"]\n")
	const socket, rule = "[socket]\ndir = \"\"\nlegacy_dir = \"\"\n", "[[allow]]\naddress = \"127.0.0.1\"\nnames = \"lp*\"\nsend = \"logs\"\n"
	keyed := fmt.Sprintf("ring_keys = %q\n", keys)
	file := writeFile(t, dir, "spreadd.toml", keyed+socket+rule)
	d := f.start("alpha", "-settings", file)
	admitted := func() bool {
		c, err := spread.Dial(t.Context(), fmt.Sprintf("%d@127.0.0.1", f.ports["alpha"]), spread.WithName("stranger"))
		if err == nil {
			c.Kill()
		}
		return err == nil
	}
	for _, text := range []string{"", keyed + socket, socket + rule, keyed + socket + strings.Replace(rule, "names", "name", 1)} {
		writeFile(t, dir, "spreadd.toml", text)
		f.reload(d, "cannot reload the configuration; keeping the old one")
		if admitted() {
			t.Errorf("after a reload of %q, the rules are gone", text)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	f.reload(d, "cannot reload the configuration; keeping the old one")
	for _, want := range []string{"no [[allow]]", "no ring_keys"} {
		if out := d.stdout.String(); !strings.Contains(out, want) {
			t.Errorf("the log does not say %q:\n%s", want, out)
		}
	}
	writeFile(t, dir, "spreadd.toml", keyed+socket+"[[allow]]\njoin = \"*\"\nsend = \"*\"\n")
	f.reload(d, "configuration reloaded")
	if !admitted() {
		t.Error("a rule that allows everything does not")
	}
	d.stop()
	<-d.status
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
