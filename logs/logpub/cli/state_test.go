package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/testkit"
)

// TestStateInUse: a second logpub with the state directory of a running one is refused, also after
// the first has read its configuration again; after its end the directory is free.
func TestStateInUse(t *testing.T) {
	d, address := serveDaemon(t)
	sub := subscribe(t, d, "g")
	dir := t.TempDir()
	state, file, path := filepath.Join(dir, "state"), filepath.Join(dir, "log"), filepath.Join(dir, "logpub.toml")
	text := "daemon = ['" + address + "']\ngroups = ['g']\nstate = '" + state + "'\n[[input]]\nfrom_start = true\nfile = '" + file + "'\n"
	writeFile(t, path, text)
	writeFile(t, file, "one\n")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var first testkit.Output
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"-c", path}, strings.NewReader(""), io.Discard, &first) }()
	if got := next(t, sub); !strings.Contains(got, "one") {
		t.Errorf("received %s", got)
	}
	refused := func() {
		t.Helper()
		var second testkit.Output
		status := run(t.Context(), []string{"-c", path}, strings.NewReader(""), io.Discard, &second)
		if want := "logpub: another logpub uses the state directory " + state; status != flags.Failed || !strings.Contains(second.String(), want) {
			t.Errorf("a second logpub: status %d, printed %q, want %q", status, &second, want)
		}
	}
	refused()
	hangUp(t)
	first.Wait(t, "configuration reloaded")
	first.Wait(t, "msg=stopped")
	refused()
	stop()
	if status := <-ended; status != flags.OK {
		t.Errorf("status %d: %s", status, &first)
	}
	ctx, stop = context.WithCancel(t.Context())
	var third testkit.Output
	go func() { ended <- run(ctx, []string{"-c", path}, strings.NewReader(""), io.Discard, &third) }()
	writeFile(t, file, "one\ntwo\n")
	if got := next(t, sub); !strings.Contains(got, "two") {
		t.Errorf("received %s: %s", got, &third)
	}
	stop()
	if status := <-ended; status != flags.OK {
		t.Errorf("status %d: %s", status, &third)
	}
}

// TestFileTwice: a file cannot be two inputs with one position.
func TestFileTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logpub.toml")
	two := "[[input]]\nfile = '/var/log/a.log'\n[[input]]\nfile = '/var/log/x/../a.log'\n"
	writeFile(t, path, "groups = ['g']\n"+two)
	if _, _, err := readConfig(t.Context(), path); err != nil {
		t.Errorf("without state: %v", err)
	}
	writeFile(t, path, "groups = ['g']\nstate = '/var/lib/logpub'\n"+two)
	_, _, err := readConfig(t.Context(), path)
	errs, ok := err.(conf.Errors) //nolint:errorlint // it is what the test is about
	if !ok || len(errs) != 1 || errs[0].Pos.Line != 5 || !strings.Contains(err.Error(), `"/var/log/x/../a.log" is an input already`) {
		t.Errorf("with state: %v", err)
	}
	abs, err := filepath.Abs("b.log")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, "groups = ['g']\nstate = '/var/lib/logpub'\n[[input]]\nfile = 'b.log'\n[[input]]\nfile = '"+abs+"'\n")
	if _, _, err := readConfig(t.Context(), path); err == nil {
		t.Error("a relative and an absolute path of one file are taken")
	}
}

// TestReloadState: a configuration with a state directory that is in use is refused by a reload, which
// goes on with the old one, and slows down who starts logpub on a pipe again and again. Another name of
// its own directory is taken, and then a free one; a directory that is no longer used is free.
func TestReloadState(t *testing.T) {
	d, address := serveDaemon(t)
	sub := subscribe(t, d, "g")
	dir := t.TempDir()
	file, path := filepath.Join(dir, "log"), filepath.Join(dir, "logpub.toml")
	config := func(state string) {
		writeFile(t, path, "daemon = ['"+address+"']\ngroups = ['g']\nstate = '"+filepath.Join(dir, state)+"'\n[[input]]\nfrom_start = true\nfile = '"+file+"'\n")
	}
	other, err := openLock(filepath.Join(dir, "taken"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	if err := os.Mkdir(filepath.Join(dir, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	config("taken")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = r.Close(), w.Close() }()
	began := time.Now()
	if status := run(t.Context(), []string{"-c", path}, r, io.Discard, io.Discard); status != flags.Failed || time.Since(began) < usagePause {
		t.Errorf("status %d after %v", status, time.Since(began))
	}
	config("own")
	add := func(text string) {
		t.Helper()
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add("one\n")
	var out testkit.Output
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"-c", path}, strings.NewReader(""), io.Discard, &out) }()
	line := func(text string) {
		t.Helper()
		if got := next(t, sub); !strings.Contains(got, text) {
			t.Errorf("received %s, want %s: %s", got, text, &out)
		}
	}
	line("one")
	config("taken")
	hangUp(t)
	out.Wait(t, "another logpub uses the state directory")
	add("two\n")
	line("two")
	config("x/../own")
	hangUp(t)
	out.Wait(t, "configuration reloaded")
	add("three\n")
	line("three")
	config("free")
	hangUp(t)
	line("one") // it has no position there
	free, err := openLock(filepath.Join(dir, "own"))
	if err != nil {
		t.Errorf("the former directory: %v", err)
	}
	_ = free.Close()
	stop()
	if status := <-ended; status != flags.OK {
		t.Errorf("status %d: %s", status, &out)
	}
}
