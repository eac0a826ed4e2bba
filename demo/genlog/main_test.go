package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/demo/weblog"
)

// TestBundledLogs proves that the logs in package weblog are what this program
// makes. If it fails after a change here: go generate ./demo/weblog
func TestBundledLogs(t *testing.T) {
	want := sites()
	got := weblog.Sites()
	if len(got) != len(want) {
		t.Fatalf("%d sites, want %d", len(got), len(want))
	}
	for i, s := range want {
		b := got[i]
		if b.Name != s.name || b.Group != s.group || (b.Format == weblog.Combined) != s.combined {
			t.Errorf("site %+v does not fit %s", b, s.name)
		}
		log := b.Log()
		if again := s.log(); !bytes.Equal(again, log) {
			t.Errorf("%s: the log made now (%d bytes) differs from the bundled one (%d bytes)", s.name, len(again), len(log))
		}
	}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	var stdout, stderr strings.Builder
	if status := run([]string{"-o", dir}, &stdout, &stderr); status != 0 {
		t.Fatalf("status %d: %s", status, stderr.String())
	}
	for _, s := range sites() {
		packed, err := os.ReadFile(filepath.Join(dir, s.group+".log.gz"))
		if err != nil {
			t.Fatal(err)
		}
		r, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if log, err := io.ReadAll(r); err != nil || !bytes.Equal(log, s.log()) {
			t.Errorf("%s: the file differs (%v)", s.name, err)
		}
		if !strings.Contains(stdout.String(), s.name) {
			t.Errorf("%s is not in the output %q", s.name, stdout.String())
		}
	}
	if status := run([]string{"-o", filepath.Join(dir, "missing")}, io.Discard, &stderr); status != 1 || !strings.Contains(stderr.String(), "missing") {
		t.Errorf("missing directory: status %d, %q", status, stderr.String())
	}
	if status := run([]string{"-nonsense"}, io.Discard, io.Discard); status != 2 {
		t.Errorf("unknown flag: status %d", status)
	}
}
