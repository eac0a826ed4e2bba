package house

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestTree applies the rules to this repository.
func TestTree(t *testing.T) {
	tree := loadTree(t)
	if tree.Package("internal/house") == nil || tree.byPath["go.mod"] == nil {
		t.Fatalf("the tree at %s is not this repository", root(t))
	}
	for _, f := range Check(tree) {
		t.Error(f)
	}
}

// TestSharedNames: each name in sharednames.txt is a type of several packages, with a reason.
func TestSharedNames(t *testing.T) {
	tree := loadTree(t)
	for name, reason := range sharedNames() {
		dirs := typeNames(tree)[name]
		if len(dirs) < 2 || reason == "" {
			t.Errorf("%s is a type in %q: remove it from sharednames.txt", name, dirs)
		}
	}
}

// loadTree loads this repository.
func loadTree(t *testing.T) *Tree {
	t.Helper()
	tree, err := NewLoader(t.Context()).Load(os.DirFS(root(t)))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// root returns the nearest directory upwards with a go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		} else if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod in any directory upwards: run the test within the repository")
		}
		dir = up
	}
}
