package lineindex

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// TestSwap: between two steps of a compression, when the plain file and the compressed one both exist, the content
// is there once, and so it is in a file whose late lines were compressed, too.
func TestSwap(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.log")
	all := "a 1\n"
	writeLog(t, dir, map[string]string{"x.log": "a 1"})
	for i, late := range []string{"", "a 2", "a 3"} {
		if late != "" {
			g := openLog(t, dir)
			g.add("x.log", late)
			g.close()
			all += late + "\n"
		}
		if got := unpackFile(t, path); got != all {
			t.Errorf("%d, before: %q", i, got)
		}
		plain, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		packed, _ := os.ReadFile(path + ".gz") //nolint:errcheck // there is none at first
		compressFile(t, path)
		added, err := os.ReadFile(path + ".gz")
		if err != nil {
			t.Fatal(err)
		}
		writeAt(t, path+".gz", append(packed, added...), st)
		writeAt(t, path, plain, st)
		if got := unpackFile(t, path); got != all {
			t.Errorf("%d, with both files: %q", i, got)
		}
		clean(t, dir)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if got := unpackFile(t, path); got != all {
			t.Errorf("%d, after: %q", i, got)
		}
	}
	if _, err := openContent(fsutil.OS{}, filepath.Join(dir, "none")); !os.IsNotExist(err) {
		t.Errorf("without a file: %v", err)
	}
}

// writeAt writes a file that was last changed when another one was.
func writeAt(t *testing.T, path string, b []byte, st os.FileInfo) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, st.ModTime(), st.ModTime()); err != nil {
		t.Fatal(err)
	}
}
