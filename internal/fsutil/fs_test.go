package fsutil

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestWalkDir: WalkDir calls its function as filepath.WalkDir does, also where that skips something
// or fails.
func TestWalkDir(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"a/b", "c", "d"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"x", "y", "z"} {
			if err := os.WriteFile(filepath.Join(root, dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	errStop := errors.New("stop")
	for name, stops := range map[string]map[string]error{
		"all":      nil,
		"skip":     {"a/b": fs.SkipDir, "c/y": fs.SkipDir},
		"skip all": {"c/x": fs.SkipAll},
		"fail":     {"c/y": errStop},
		"root":     {".": fs.SkipDir},
	} {
		walk := func(walk func(fs.WalkDirFunc) error) (seen []string, err error) {
			err = walk(func(path string, d fs.DirEntry, err error) error {
				rel, _ := filepath.Rel(root, path) // root is a prefix of it
				seen = append(seen, rel+" "+d.Type().String())
				if stop := stops[filepath.ToSlash(rel)]; stop != nil {
					return stop
				}
				return err
			})
			return seen, err
		}
		want, wantErr := walk(func(use fs.WalkDirFunc) error { return filepath.WalkDir(root, use) })
		got, err := walk(func(use fs.WalkDirFunc) error { return WalkDir(OS{}, root, use) })
		if !slices.Equal(got, want) || !errors.Is(err, wantErr) {
			t.Errorf("%s: %q, %v; want %q, %v", name, got, err, want, wantErr)
		}
	}
	missing := filepath.Join(root, "missing")
	if err := WalkDir(OS{}, missing, func(_ string, _ fs.DirEntry, err error) error { return err }); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing root: %v", err)
	}
}
