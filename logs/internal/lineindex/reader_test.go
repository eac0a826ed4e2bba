package lineindex

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// TestSwap: between two steps of a compression, when the plain file and the compressed one both exist, the content
// is there once, and so it is in a file whose late lines were compressed, too.
func TestSwap(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.log")
	var all strings.Builder
	all.WriteString("a 1\n")
	writeLog(t, dir, map[string]string{"x.log": "a 1"})
	for i, late := range []string{"", "a 2", "a 3"} {
		if late != "" {
			g := openLog(t, dir)
			g.add("x.log", late)
			g.close()
			all.WriteString(late + "\n")
		}
		if got := unpackFile(t, path); got != all.String() {
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
		packed, _ := os.ReadFile(path + ".gz") // no such file at first
		compressFile(t, path)
		added, err := os.ReadFile(path + ".gz")
		if err != nil {
			t.Fatal(err)
		}
		writeAt(t, path+".gz", append(packed, added...), st)
		writeAt(t, path, plain, st)
		if got := unpackFile(t, path); got != all.String() {
			t.Errorf("%d, with both files: %q", i, got)
		}
		clean(t, dir)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if got := unpackFile(t, path); got != all.String() {
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

// between is a file system in which a log file is renamed, and its index only once the file was looked for.
type between struct {
	fsutil.OS
	t        *testing.T
	from, to string
}

// OpenFile implements fsutil.FS.
func (b *between) OpenFile(path string, flag int, perm fs.FileMode, devices bool) (fsutil.File, error) {
	f, err := b.OS.OpenFile(path, flag, perm, devices)
	if path == b.from && err != nil {
		if err := os.Rename(Path(b.from), Path(b.to)); err != nil && !os.IsNotExist(err) {
			b.t.Error(err)
		}
	}
	return f, err
}

// TestRenameMeanwhile: the content of a file that is being renamed can be read, whose index follows a moment later.
func TestRenameMeanwhile(t *testing.T) {
	dir := t.TempDir()
	writeLog(t, dir, map[string]string{"x.log": "a 1,a 2"})
	list, err := OSDir(dir).List()
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	b := &between{t: t, from: filepath.Join(dir, "x.log"), to: filepath.Join(dir, "x.log.1")}
	if err := os.Rename(b.from, b.to); err != nil {
		t.Fatal(err)
	}
	r, err := Dir{Disk: b, Root: dir}.Content(list[0], 0)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil || string(text) != "a 1\na 2\n" {
		t.Errorf("%q, %v", text, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
