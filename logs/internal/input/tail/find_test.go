package tail

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFind: a pattern has the logs, and not their rotated files.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ pattern, files, want string }{
		{"*.log", "access.log error.log access.log.1 access.log.2.gz other.txt", "access.log error.log"},
		{"*", "access.log access.log.1 access.log-20261130 access.log.2.gz access.log.3.zst", "access.log"},
		{"*.log", "access.log access-20261129.log access-2026-11-30.log access.1.log access-2.log", "access.log"},
		{"*.log", "web.log web1.log web2.log web-8080.log", "web-8080.log web.log web1.log web2.log"},
		{"*.log", "access-2026-11-29.log access-2026-11-30.log", "access-2026-11-29.log access-2026-11-30.log"},
		{"www?/access.log", "www1/access.log www2/access.log www10/access.log", "www1/access.log www2/access.log"},
		{"[ab].log", "a.log b.log c.log", "a.log b.log"},
	} {
		_ = os.RemoveAll(dir)
		for name := range strings.FieldsSeq(tt.files) {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, path, "x\n")
		}
		p, err := NewFinder(filepath.Join(dir, tt.pattern), "")
		if err != nil {
			t.Fatal(err)
		}
		if !IsPattern(filepath.Join(dir, tt.pattern)) {
			t.Errorf("%s is no pattern", tt.pattern)
		}
		for range 2 {
			found, err := p.Find()
			for i := range found {
				found[i] = strings.TrimPrefix(found[i], dir+"/")
			}
			if got := strings.Join(found, " "); got != tt.want || err != nil {
				t.Errorf("%s of %s: %s, %v; want %s", tt.pattern, tt.files, got, err, tt.want)
			}
			p.names = nil
		}
	}
}

// TestFindNothing: an empty directory is no error, and a missing one is.
func TestFindNothing(t *testing.T) {
	dir := t.TempDir()
	for pattern, want := range map[string]error{"*.log": nil, "missing/*.log": fs.ErrNotExist} {
		p, err := NewFinder(filepath.Join(dir, pattern), "")
		if err != nil {
			t.Fatal(err)
		}
		if found, err := p.Find(); len(found) > 0 || !errors.Is(err, want) {
			t.Errorf("%s: %q, %v", pattern, found, err)
		}
	}
	if _, err := NewFinder("[", ""); err == nil {
		t.Error("an invalid pattern is taken for a pattern")
	}
}

// TestSince: a pattern knows since when it is followed, looks for the rotated files of those that are gone, and forgets
// positions in time.
func TestSince(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	open := func() *Finder {
		p, err := NewFinder(filepath.Join(dir, "*.log*"), state)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first, err := open().Since()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.log", "b.log", "c.log"} {
		path := filepath.Join(dir, name)
		write(t, path, "x\n")
		f, err := New(Config{Path: path, State: state, FromStart: true})
		if err != nil {
			t.Fatal(err)
		}
		var to taker
		f.to = &to
		f.begin(t.Context())
		f.poll(t.Context())
		f.Close()
	}
	past := time.Now().Add(-forgetTime - time.Hour)
	if err := errors.Join(
		os.Remove(filepath.Join(dir, "a.log")), os.Chtimes(statePath(state, filepath.Join(dir, "a.log")), past, past),
		os.Rename(filepath.Join(dir, "b.log"), filepath.Join(dir, "b.log.1")),
	); err != nil {
		t.Fatal(err)
	}
	p := open()
	again, err := p.Since()
	if again != first || err != nil {
		t.Errorf("since %d, %v; want %d", again, err, first)
	}
	found, err := p.Find()
	if want := []string{filepath.Join(dir, "b.log"), filepath.Join(dir, "c.log")}; !slices.Equal(found, want) || err != nil {
		t.Errorf("found %q, %v; want %q", found, err, want)
	}
	if _, err := os.Stat(statePath(state, filepath.Join(dir, "a.log"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the position of a file that is gone: %v", err)
	}
}
