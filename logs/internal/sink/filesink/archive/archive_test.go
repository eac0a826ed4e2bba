package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logpath"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, path string, c Compression) string {
	t.Helper()
	var b bytes.Buffer
	if err := withContent(fsutil.OS{}, path, c, func(r io.Reader) error {
		_, err := io.Copy(&b, r)
		return err
	}); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return b.String()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// lines is a log of some size.
func lines(seed uint64, n int) string {
	r := rand.New(rand.NewPCG(seed, 0))
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "line %d %x\n", i, r.Uint64())
	}
	return b.String()
}

func newArchiver(t *testing.T, cfg Config, template string) *Archiver {
	t.Helper()
	tmpl, err := logpath.Parse(template)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Template = tmpl
	if cfg.Open == nil {
		cfg.Open = func(string) bool { return false }
	}
	if cfg.Report == nil {
		cfg.Report = func(err error) { t.Error(err) }
	}
	return New(cfg)
}

// TestCrashes lets the machine crash at each step, again and again, and looks whether every line is
// in the plain file or in the complete compressed one; in the end, after a run without crash, each
// line is there once.
func TestCrashes(t *testing.T) {
	for _, c := range []Compression{Gzip, Zstd} {
		for _, late := range []bool{false, true} {
			for s := range numSteps {
				name := fmt.Sprintf("%v, late lines %v, crash at step %d", c, late, s)
				dir := t.TempDir()
				path := filepath.Join(dir, "log-2027")
				want := lines(1, 500)
				write(t, path, want)
				plain := want
				z := compressor{disk: fsutil.OS{}}
				if late {
					if err := z.compress(t.Context(), path, c); err != nil {
						t.Fatal(err)
					}
					plain = lines(2, 300)
					write(t, path, plain)
					want += plain
				}
				before := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
				if err := os.Chtimes(path, before, before); err != nil {
					t.Fatal(err)
				}
				z.crash = func(at step) error {
					if at == s {
						return errCrash
					}
					return nil
				}
				if err := z.compress(t.Context(), path, c); !errors.Is(err, errCrash) {
					t.Fatalf("%s: %v", name, err)
				}
				if got, err := os.ReadFile(path); err == nil {
					if string(got) != plain {
						t.Errorf("%s: the plain file has changed", name)
					}
				} else if got := content(t, path+c.ext(), c); got != want {
					t.Errorf("%s: the plain file is gone, and the other has %d bytes of %d", name, len(got), len(want))
				}
				a := newArchiver(t, Config{Compress: c}, filepath.Join(dir, "log-%Y"))
				a.Period("2028 ")
				a.scanAll(t.Context())
				if got := content(t, path+c.ext(), c); got != want {
					t.Errorf("%s: after the next run %d bytes of %d", name, len(got), len(want))
				}
				if st, err := os.Stat(path + c.ext()); err != nil || !st.ModTime().Equal(before) || st.Mode().Perm() != 0o640 {
					t.Errorf("%s: %v, %v", name, st, err)
				}
				if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
					t.Errorf("%s: left are %v, %v", name, left, err)
				}
			}
		}
	}
}

// TestFinish: when a crash has left both files, and late lines come before the first scan, none is
// there twice in the end.
func TestFinish(t *testing.T) {
	for _, c := range []Compression{Gzip, Zstd} {
		path := filepath.Join(t.TempDir(), "log-2027")
		want := lines(1, 500)
		write(t, path, want)
		z := compressor{disk: fsutil.OS{}, crash: func(at step) error {
			if at == stepRenamed {
				return errCrash
			}
			return nil
		}}
		if err := z.compress(t.Context(), path, c); !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		before := time.Now().Add(-time.Minute)
		if err := os.Chtimes(path, before, before); err != nil {
			t.Fatal(err)
		}
		a := newArchiver(t, Config{Compress: c}, filepath.Join(filepath.Dir(path), "log-%Y"))
		if err := a.Finish(path); err != nil || exists(path) {
			t.Fatalf("%v: the plain file is there still, %v", c, err)
		}
		late := lines(2, 300)
		write(t, path, late)
		if err := a.Finish(path); err != nil || !exists(path) {
			t.Fatalf("%v: late lines are gone: %v", c, err)
		}
		a.Period("2028 ")
		a.scanAll(t.Context())
		if got := content(t, path+c.ext(), c); got != want+late {
			t.Errorf("%v: %d bytes, want %d", c, len(got), len(want)+len(late))
		}
	}
}

// TestFaults: what is not as it should be costs no line.
func TestFaults(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log-2027")
	z := compressor{disk: fsutil.OS{}}
	write(t, path, "one\n")
	f, err := logfile.Open(path, logfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := z.compress(t.Context(), path, Gzip); !errors.Is(err, logfile.ErrLocked) {
		t.Errorf("a locked file: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path+".gz", "this is not gzip's")
	if err := z.compress(t.Context(), path, Gzip); err == nil || !exists(path) {
		t.Errorf("beside a broken file: %v", err)
	}
	if err := os.Remove(path + ".gz"); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space")
	z.crash = func(s step) error {
		if s == stepWritten {
			return full
		}
		return nil
	}
	if err := z.compress(t.Context(), path, Gzip); !errors.Is(err, full) || !exists(path) || exists(tmpPath(path+".gz")) {
		t.Errorf("on a full disk: %v", err)
	}
	z.crash = func(s step) error {
		if s == stepCopied {
			write(t, path, "one\ntwo\n") // somebody does not heed the lock
		}
		return nil
	}
	if err := z.compress(t.Context(), path, Gzip); err == nil || !strings.Contains(err.Error(), "something else writes it") {
		t.Errorf("a file that grows: %v", err)
	}
	if err := z.compress(t.Context(), path+"?", Gzip); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestClosed: which files are compressed, and which are left alone.
func TestClosed(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "b", "2026.log")
	a := newArchiver(t, Config{Compress: Gzip, Open: func(path string) bool { return path == open }}, filepath.Join(dir, "%{vhost}", "%Y.log"))
	untouched := []string{"a/2027.log", "b/2026.log", "a/2025.log.old", "2025.log", "a/x/2025.log", ".a/2025.log"}
	closed := []string{"a/2026.log", "c/2025.log", "a/2027.log.000001"}
	for _, name := range slices.Concat(untouched, closed) {
		write(t, filepath.Join(dir, name), "x\n")
	}
	write(t, filepath.Join(dir, "a", ".2026.log.gz.tmp"), "unfinished")
	write(t, filepath.Join(dir, "a", ".other.tmp"), "somebody else's")
	a.scanAll(t.Context())
	if !exists(filepath.Join(dir, "a/2027.log.000001.gz")) || exists(filepath.Join(dir, "c/2025.log.gz")) {
		t.Error("before the period is known only parts are closed")
	}
	a.Period("2027 ")
	a.scanAll(t.Context())
	for _, name := range untouched {
		if !exists(filepath.Join(dir, name)) {
			t.Errorf("%s is gone", name)
		}
	}
	for _, name := range closed {
		if exists(filepath.Join(dir, name)) || !exists(filepath.Join(dir, name)+".gz") {
			t.Errorf("%s is not compressed", name)
		}
	}
	if exists(filepath.Join(dir, "a", ".2026.log.gz.tmp")) || !exists(filepath.Join(dir, "a", ".other.tmp")) {
		t.Error("of the unfinished files not the right one is gone")
	}
	if st := a.Stats(); st != (Stats{Compressed: 3}) {
		t.Errorf("counters are %+v", st)
	}
}

func TestRetention(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	a := newArchiver(t, Config{KeepCount: 2, KeepAge: 100 * time.Hour}, filepath.Join(dir, "%{vhost}", "%Y", "%m", "%d.log"))
	age := func(name string, hours int) {
		path := filepath.Join(dir, name)
		write(t, path, "x\n")
		at := now.Add(-time.Duration(hours) * time.Hour)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	age("a/2027/01/05.log", 0) // open
	age("a/2027/01/04.log.gz", 24)
	age("a/2027/01/03.log", 48)
	age("a/2027/01/02.log.gz", 72)
	age("a/2026/12/31.log.gz", 96)
	age("b/2027/01/04.log", 99)
	age("b/2027/01/01.log", 101)
	age("c/2025/01/01.log", 9999)
	age("c/2025/01/mine", 9999)
	a.Period("2027 01 05 ")
	a.scanAll(t.Context())
	for name, want := range map[string]bool{
		"a/2027/01/05.log": true, "a/2027/01/04.log.gz": true, "a/2027/01/03.log": true, "a/2027/01/02.log.gz": false, "a/2026": false,
		"b/2027/01/04.log": true, "b/2027/01/01.log": false, "c/2025/01/01.log": false, "c/2025/01/mine": true, "a": true,
	} {
		if got := exists(filepath.Join(dir, name)); got != want {
			t.Errorf("%s is there: %v, want %v", name, got, want)
		}
	}
	if n := a.Stats().Removed; n != 4 {
		t.Errorf("%d files removed, want 4", n)
	}
}

// TestRun: the archiver compresses named files at once, and scans all files from time to time.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a := newArchiver(t, Config{Compress: Zstd, Linger: 10 * time.Minute}, filepath.Join(dir, "log-%H"))
		go a.Run(t.Context())
		put := func(name string) string {
			path := filepath.Join(dir, name)
			write(t, path, name)
			if err := os.Chtimes(path, time.Now(), time.Now()); err != nil {
				t.Fatal(err)
			}
			return path
		}
		synctest.Wait()
		part := put("log-10.000001")
		a.Closed(part)
		synctest.Wait()
		if exists(part) {
			t.Error("a closed part is not compressed at once")
		}
		plain := put("log-10")
		a.Period("11 ")
		synctest.Wait()
		if !exists(plain) {
			t.Error("a file that was written a moment ago is compressed")
		}
		<-time.After(21 * time.Minute)
		synctest.Wait()
		if exists(plain) || content(t, plain+".zst", Zstd) != "log-10" {
			t.Error("a file that has rested is not compressed")
		}
	})
}

func TestNames(t *testing.T) {
	for c := range numCompressions {
		if got, err := ParseCompression(c.String()); err != nil || got != c {
			t.Errorf("%v is read as %v, %v", c, got, err)
		}
	}
	if _, err := ParseCompression("lzw"); err == nil {
		t.Error("lzw is taken")
	}
}

// TestTornMember: lines that come late do not follow a torn line on its line.
func TestTornMember(t *testing.T) {
	for _, c := range []Compression{Gzip, Zstd} {
		for exact, want := range map[bool]string{false: "good\npart\nlate\n", true: "good\npartlate\n"} {
			path := filepath.Join(t.TempDir(), "log-2027")
			z := compressor{disk: fsutil.OS{}, exact: exact}
			for _, text := range []string{"good\npart", "late\n"} {
				write(t, path, text)
				if err := z.compress(t.Context(), path, c); err != nil {
					t.Fatal(err)
				}
			}
			if got := content(t, path+c.ext(), c); got != want {
				t.Errorf("%v, exact %v: %q, want %q", c, exact, got, want)
			}
		}
	}
}
