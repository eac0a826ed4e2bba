package cli

import (
	"path/filepath"
	"testing"
)

func TestSpoolDir(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "/var/lib/logpub:/var/lib/other")
	for said, want := range map[string]string{"": "/var/lib/logpub/spool", "none": "", "/s": "/s"} {
		if got := spoolDir(said); filepath.ToSlash(got) != want {
			t.Errorf("%q is the directory %q, want %q", said, got, want)
		}
	}
	t.Setenv("STATE_DIRECTORY", "")
	if got := spoolDir(""); got != "" && got != hostSpool {
		t.Errorf("without a state directory it is %q", got)
	}
}

// TestWritable leaves nothing behind in the directory that it tries.
func TestWritable(t *testing.T) {
	dir := t.TempDir()
	if !writable(dir) || writable(filepath.Join(dir, "missing")) {
		t.Error("a directory is taken for what it is not")
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("%q is left, %v", left, err)
	}
}
