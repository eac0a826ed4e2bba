package cli

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/flags/flagstest"
	"github.com/spreadd/spreadd/internal/prom/promtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCommandLine(t *testing.T) {
	good := write(t, "spreadlogd.conf", "Spread {\n\tPort = 4803\n\tLog {\n\t\tGroup = \"a\"\n\t\tFile = /tmp/a\n\t}\n}\n")
	bad := write(t, "spreadlogd.conf", "Spread {\n\tPort = \n}\n")
	toml := write(t, "logsub.toml", "truncate = true\n[[log]]\ngroup = \"a\"\nfile = \"/tmp/a\"\n")
	badTOML := write(t, "logsub.toml", "[[log]]\ngrup = \"a\"\nfile = \"/tmp/a\"\n")
	perl := write(t, "perl.conf", "PerlUse mylogger\nSpread {\n\tLog {\n\t\tGroup = a\n\t\tPerlLog mylogger::log\n\t}\n}\n")
	noPerl := write(t, "noperl.toml", "perl_program = \"/no/such/perl\"\n[[log]]\ngroup = \"a\"\nperl = \"mylogger::log\"\n")
	for _, tt := range []struct {
		args           []string
		status         int
		stdout, stderr string
	}{
		{[]string{"-h"}, 0, "Usage: logsub", ""},
		{[]string{"-V"}, 0, "logsub ", ""},
		{[]string{"-version"}, 0, "logsub ", ""},
		{nil, 2, "", "-g GROUP -o FILE, or -c FILE"},
		{[]string{"-g", "a"}, 2, "", `group "a" has no file`},
		{[]string{"-g", "a", "-g", "b"}, 2, "", `group "a" has no file yet`},
		{[]string{"-o", "x"}, 2, "", "name a group with -g first"},
		{[]string{"-c", good, "-g", "a", "-o", "x"}, 2, "", "exclude each other"},
		{[]string{"-g", "a", "-o", "x", "rest"}, 2, "", `unexpected argument "rest"`},
		{[]string{"-g", "#a", "-o", filepath.Join(t.TempDir(), "x")}, 1, "", "#a"},
		{[]string{"-g", "a", "-o", filepath.Join(t.TempDir(), "no", "x")}, 1, "", "make the directory"},
		{[]string{"-check", "-g", "a", "-o", "/does/not/exist/%Y/log"}, 0, "file = ", "logsub: warning: directory of log files: stat /does/not/exist: no such file or directory"},
		{[]string{"-c", "/does/not/exist"}, 1, "", "cannot read the configuration"},
		{[]string{"-c", bad, "-check"}, 1, "", bad + ":"},
		{[]string{"-c", good, "-check"}, 0, "Group", ""},
		{[]string{"-convert", good}, 0, "[[log]]\ngroup = \"a\"\nfile = \"/tmp/a\"\n", ""},
		{[]string{"-convert", perl}, 0, "[[perl]]\nuse = [\"mylogger\"]\n\n[[log]]\ngroup = \"a\"\nperl = \"mylogger::log\"\n", ""},
		{[]string{"-c", noPerl, "-check"}, 1, "[[log]]", "perl is not installed as /no/such/perl"},
		{[]string{"-c", noPerl}, 1, "", "perl is not installed as /no/such/perl"},
		{[]string{"-convert", good, "-c", good}, 2, "", "-convert stands alone"},
		{[]string{"-c", good, "-check", "-format", "toml"}, 1, "", good + ":1:"},
		{[]string{"-c", good, "-check", "-format", "ini"}, 2, "", "-format"},
		{[]string{"-c", toml, "-check"}, 0, "truncate = true\n\n[[log]]", ""},
		{[]string{"-c", badTOML, "-check"}, 1, "", badTOML + ":2:1: unknown key \"grup\"; did you mean group?"},
		{[]string{"-check", "-g", "a", "-o", "/tmp/a"}, 0, "file = \"/tmp/a\"", ""},
		{
			[]string{"-check", "-g", "a", "-o", "/tmp/%{vhost}/%Y.log", "-zone", "Europe/Berlin", "-clock", "line", "-open-files", "9"},
			0, "open_files = 9\nzone = \"Europe/Berlin\"\n\n[[log]]\ngroup = \"a\"\nfile = \"/tmp/%{vhost}/%Y.log\"\nclock = \"line\"\n", "",
		},
		{[]string{"-check", "-g", "a", "-o", "/tmp/%q"}, 1, "", "%q is not known"},
		{
			[]string{"-check", "-g", "a", "-o", "/tmp/a", "-rotate-size", "1GiB", "-compress", "gzip", "-keep-age", "30d", "-keep-count", "9", "-fsync", "5s"},
			0, "fsync = \"5s\"\n\n[[log]]\ngroup = \"a\"\nfile = \"/tmp/a\"\nrotate_size = \"1GiB\"\ncompress = \"gzip\"\nkeep_age = \"30d\"\nkeep_count = 9\n", "",
		},
		{[]string{"-check", "-g", "a", "-o", "/tmp/a", "-g", "b", "-o", "|cat", "-index"}, 0, "file = \"/tmp/a\"\nenvelope = \"index\"\n\n[[log]]\ngroup = \"b\"\nfile = \"|cat\"\n", ""},
		{[]string{"-check", "-g", "a", "-o", "/tmp/a", "-index", "-s"}, 1, "", "needs locked files"},
		{[]string{"-fill", "/tmp/a"}, 2, "", "-fill DIR -from DIR"},
		{[]string{"-fill", "/tmp/a", "-from", "/tmp/b", "-g", "a", "-o", "x"}, 2, "", "stand alone"},
		{[]string{"-fill", "/tmp/a", "-from", "/tmp/b", "-verify", "/tmp/c"}, 2, "", "exclude each other"},
		{[]string{"-verify", "/does/not/exist"}, 1, "0 files", "no such file"},
		{[]string{"-fill", t.TempDir(), "-from", t.TempDir()}, 1, "0 lines (0 bytes) copied to 0 files; 0 still missing", "has no indexes"},
		{[]string{"-check", "-g", "a", "-o", "/tmp/a", "-compress", "gzip"}, 1, "", "never closed"},
		// The flag -s of spreadlogd has no value.
		{[]string{"-c", good, "-s", "-check"}, 0, "Group", ""},
		{[]string{"-s", "-x", "-D", "-b", "64000", "-c", good, "-check"}, 0, "Group", ""},
		{[]string{"-c", toml, "-check", "-s"}, 0, "lock = false", ""},
		{[]string{"-c", toml, "-check", "-no-lock"}, 0, "lock = false", ""},
		{[]string{"-s", "4803@web1", "-g", "a", "-o", "/tmp/a", "-check"}, 0, "daemon = \"4803@web1\"", ""},
		{[]string{"-spread", "4803@web1", "-g", "a", "-o", "/tmp/a", "-check", "-s"}, 0, "daemon = \"4803@web1\"", ""},
		{[]string{"-c", good, "-s", "4803@web1"}, 2, "", "the file names the daemon"},
		{[]string{"-metrics", "9805x"}, 2, "", `"9805x" is not an address with a port`},
		{[]string{"-check", "-g", "a", "-o", "/tmp/a", "-metrics", ":9805"}, 0, "metrics = \":9805\"\n", ""},
		{[]string{"-clock", "sundial"}, 2, "", "sundial"},
		{[]string{"-zone", "Europe/Atlantis"}, 2, "", "Atlantis"},
		{[]string{"-check", "-g", "#a", "-o", "/tmp/a"}, 1, "", "#a"},
	} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), nil, tt.args, &stdout, &stderr)
		if status != tt.status || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
			t.Errorf("logsub %q: status %d, stdout %q, stderr %q, want %d, %q, %q",
				tt.args, status, stdout.String(), stderr.String(), tt.status, tt.stdout, tt.stderr)
		}
	}
}

func TestFlags(t *testing.T) {
	o, err := parse([]string{"-g", "a", "-o", "b"})
	if err != nil {
		t.Fatal(err)
	}
	flagstest.Check(t, o.set, "../../../docs/flags.md", "logs/logsub/cli")
}

// serveDaemon runs a daemon in memory behind a port of 127.0.0.1.
func serveDaemon(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := spreadtest.New("alpha")
	go func() { _ = d.Serve(l) }()
	t.Cleanup(func() {
		_ = l.Close()
		d.Close()
	})
	return fmt.Sprintf("%d@127.0.0.1", l.Addr().(*net.TCPAddr).Port)
}

// TestRun is a log host's day: start, lines, rotation, end.
func TestRun(t *testing.T) {
	address := serveDaemon(t)
	file := filepath.Join(t.TempDir(), "a.log")

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	hup := make(chan os.Signal, 1)
	var stderr testkit.Output
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, hup, []string{"-spread", address, "-g", "a", "-o", file, "-metrics", "127.0.0.1:0"}, &stderr, &stderr)
	}()
	testkit.Wait(t, "logsub to join", func() bool { return strings.Contains(stderr.String(), "joined") })

	pub, err := spread.Dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Kill()
	send := func(line string) {
		t.Helper()
		if err := pub.Multicast(t.Context(), spread.Reliable, 0, []byte(line), "a"); err != nil {
			t.Fatal(err)
		}
	}
	has := func(path, text string) func() bool {
		return func() bool {
			b, err := os.ReadFile(path)
			return err == nil && string(b) == text
		}
	}
	send("one\n")
	testkit.Wait(t, "the first line", has(file, "one\n"))
	if err := os.Rename(file, file+".1"); err != nil {
		t.Fatal(err)
	}
	hup <- os.Interrupt // any signal; this is what main gets it from
	testkit.Wait(t, "a new file", has(file, ""))
	send("two\n")
	testkit.Wait(t, "the second line", has(file, "two\n"))
	_, metrics, _ := strings.Cut(stderr.String(), `msg="serving metrics" address=`)
	metrics, _, _ = strings.Cut(metrics, "\n")
	testkit.Wait(t, "metrics that tell of both", func() bool {
		return promtest.Scrape(t, "http://"+metrics).Has(map[string]float64{
			"logsub_received_messages_total": 2, `logsub_sink_written_lines_total{sink="files"}`: 2, "logsub_reopens_total": 1,
		})
	})
	cancel()
	if status := <-done; status != 0 {
		t.Errorf("status %d: %s", status, stderr.String())
	}
	if !has(file+".1", "one\n")() {
		t.Error("the old file has changed")
	}
	if !strings.Contains(stderr.String(), "msg=stopped messages=2 bytes=8") {
		t.Errorf("it does not say what it did: %s", stderr.String())
	}
}
