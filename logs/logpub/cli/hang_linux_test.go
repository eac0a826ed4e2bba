package cli

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/prom/promtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/hangfs"
	"github.com/spreadd/spreadd/logs/logpub/status"
)

// appendLine appends a line to a file.
func appendLine(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestHangingFile: a file whose file system does not answer keeps neither the other files nor SIGHUP and
// SIGTERM waiting. What was published is not published again.
func TestHangingFile(t *testing.T) {
	t.Parallel()
	m := hangfs.Mount(t)
	d, address := serveDaemon(t)
	sub := subscribe(t, d, "g")
	dir := t.TempDir()
	hanging, file, config := filepath.Join(m.Dir, "a.log"), filepath.Join(dir, "b.log"), filepath.Join(dir, "logpub.toml")
	writeFile(t, config, fmt.Sprintf("daemon = %q\ngroups = [\"g\"]\nstate = %q\ndrain_timeout = \"1s\"\n[[input]]\nfile = %q\nfrom_start = true\n[[input]]\nfile = %q\nfrom_start = true\n",
		address, filepath.Join(dir, "state"), hanging, file))
	p := start(t, "-c", config)
	line := func(path, text string) {
		t.Helper()
		appendLine(t, path, text)
		if got := next(t, sub); !strings.Contains(got, text) {
			t.Errorf("received %s, want %q; the log says %s", got, text, &p.log)
		}
	}
	line(hanging, "one")
	line(file, "two")
	time.Sleep(2 * time.Second) //house:sleep until the position has been saved
	m.Hang()
	line(file, "three")
	p.signal(t, syscall.SIGHUP)
	p.log.Wait(t, `input does not end because a system call does not return; what it has not passed on comes again if it has a position" input="file `+hanging)
	line(file, "four")
	p.end(t)
	m.Resume()
	p = start(t, "-c", config)
	line(hanging, "five")
	line(file, "six")
	p.end(t)
}

// TestHangingSpool: SIGTERM ends logpub when its spool and its positions cannot be written, and says what is
// lost.
func TestHangingSpool(t *testing.T) {
	t.Parallel()
	m := hangfs.Mount(t)
	d, address := serveDaemon(t)
	dir := t.TempDir()
	log, config := filepath.Join(dir, "a.log"), filepath.Join(dir, "logpub.toml")
	writeFile(t, config, fmt.Sprintf("daemon = %q\ngroups = [\"g\"]\nstate = %q\ndrain_timeout = \"1s\"\ndelivery = \"sent\"\nmetrics = \"127.0.0.1:0\"\n[spool]\ndir = %q\n[[input]]\nfile = %q\nfrom_start = true\n",
		address, filepath.Join(m.Dir, "state"), filepath.Join(m.Dir, "spool"), log))
	sub := subscribe(t, d, "g")
	p := start(t, "-c", config)
	url := "http://" + p.log.Wait(t, `msg="serving metrics" address=`)
	appendLine(t, log, "one")
	next(t, sub)
	testkit.Wait(t, "the end of the first line", func() bool { return promtest.JSON[status.Status](t, url+"/status").Lines.Sent == 1 })
	d.SetDown(true)
	p.log.Wait(t, "lost the connection")
	appendLine(t, log, "two")
	testkit.Wait(t, "the line in the spool", func() bool {
		found := false
		err := filepath.WalkDir(m.Dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				text, _ := os.ReadFile(path)
				found = found || bytes.Contains(text, []byte("two\n"))
			}
			return nil
		})
		return err == nil && found
	})
	m.Hang()
	p.signal(t, syscall.SIGTERM)
	if err := p.Wait(); err == nil {
		t.Error("it ends with success")
	}
	p.log.Wait(t, "does a network file system hang?")
	p.log.Wait(t, "lines were not sent: 1;")
}

// TestHangingSpoolState: logpub reports its state and its metrics while its spool hangs.
func TestHangingSpoolState(t *testing.T) {
	t.Parallel()
	m := hangfs.Mount(t)
	d, address := serveDaemon(t)
	d.SetDown(true)
	p := program{Cmd: command(t, "-g", "g", "-s", address, "-spool", filepath.Join(m.Dir, "spool"), "-spool-after", "-1s", "-drain", "1s", "-metrics", "0")}
	p.Stderr = &p.log
	stdin, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	line := func(text string) {
		t.Helper()
		if _, err := io.WriteString(stdin, text+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	url := "http://" + p.log.Wait(t, `msg="serving metrics" address=`)
	line("one")
	testkit.Wait(t, "a line in the spool", func() bool {
		st := promtest.JSON[status.Status](t, url+"/status")
		return !st.Late && st.Spool.Lines == 1 && st.Lines.Waiting == 1
	})
	m.Hang()
	line("two")
	testkit.Wait(t, "a spool that hangs", func() bool {
		st := promtest.JSON[status.Status](t, url+"/status")
		// What waits is known from before or after the second line came into memory.
		return st.Late && st.Spool.Lines == 1 && (st.Lines.Waiting == 1 || st.Lines.Waiting == 2) && st.Lines.Received == 2
	})
	waitForMetrics(t, &p.log, map[string]float64{"logpub_received_lines_total": 2, "logpub_spool_lines": 1})
	p.signal(t, syscall.SIGTERM)
	if err := p.Wait(); err == nil {
		t.Error("it ends with success")
	}
}

// TestHangingConfiguration: SIGTERM ends logpub while it waits for its configuration.
func TestHangingConfiguration(t *testing.T) {
	t.Parallel()
	m := hangfs.Mount(t)
	m.Hang()
	p := start(t, "-c", filepath.Join(m.Dir, "logpub.toml"))
	time.Sleep(time.Second) //house:sleep until it is asked for; there is nothing to see
	p.signal(t, syscall.SIGTERM)
	if err := p.Wait(); err == nil {
		t.Error("it ends with success")
	}
	p.log.Wait(t, "does a network file system hang?")
}
