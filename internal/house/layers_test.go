package house

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestTable: imports point downwards in the table itself.
func TestTable(t *testing.T) {
	var above []string
	for _, l := range layers {
		if slices.Contains(above, l.dir) {
			t.Errorf("%s has two rows", l.dir)
		}
		for _, dir := range l.may {
			if dir != "*" && !slices.Contains(above, dir) {
				t.Errorf("%s may import %s, which does not stand above it", l.dir, dir)
			}
			if to := layerOf(dir); to != nil && (to.test || to.program) {
				t.Errorf("%s may import %s, which is a program or for tests only", l.dir, dir)
			}
		}
		above = append(above, l.dir)
	}
	for _, dir := range machines {
		if l := layerOf(dir); l == nil || slices.Contains(l.may, "*") {
			t.Errorf("the machine %s is not in the table, or may import anything", dir)
		}
	}
}

// example is a directory that a row of the table stands for.
func example(l layer) string { return strings.ReplaceAll(l.dir, "*", "tool") }

// TestLayers plants every import that two rows of the table can have, in a
// source file and in a test.
func TestLayers(t *testing.T) {
	loader := NewLoader()
	for _, from := range layers {
		for _, to := range layers {
			if from.dir == to.dir {
				continue
			}
			listed := slices.Contains(from.may, to.dir) || slices.Contains(from.may, "*")
			for file, allowed := range map[string]bool{
				"a.go":      listed && !to.test && !to.program,
				"a_test.go": !to.program,
			} {
				fsys := plant(fmt.Sprintf("-- %[1]s/doc.go --\n// %[4]s %[2]s is planted.\npackage %[5]s\n-- %[1]s/%[6]s --\npackage %[5]s\n\nimport _ %[3]q\n"+
					"-- %[7]s/b.go --\npackage b\n",
					example(from), path.Base(example(from)), "example.org/m/"+example(to),
					title(from), name(from), file, example(to)), true)
				var got []Finding
				for _, f := range check(t, loader, fsys) {
					if f.Rule == "layers" {
						got = append(got, f)
					}
				}
				if allowed != (len(got) == 0) {
					t.Errorf("%s/%s imports %s: allowed %v, findings %v", from.dir, file, to.dir, allowed, got)
				}
			}
		}
	}
}

func title(l layer) string {
	if name(l) == "main" {
		return "Command"
	}
	return "Package"
}

func name(l layer) string {
	if l.program {
		return "main"
	}
	return path.Base(l.dir)
}

// TestLayersUnknown: a package outside the table, and an import of nothing.
func TestLayersUnknown(t *testing.T) {
	var got []string
	for _, f := range check(t, NewLoader(), plant(`
-- internal/newcomer/a.go --
package newcomer
-- cmd/tool/deep/a.go --
package deep
-- a.go --
package m
-- wire/a.go --
package wire

import _ "example.org/m/gone"
-- ring/a.go --
package ring

import "example.org/m/internal/newcomer"

var _ newcomer.T
`, true)) {
		if f.Rule == "layers" {
			got = append(got, fmt.Sprintf("%s:%d", f.Path, f.Line))
		}
	}
	if want := []string{".:0", "cmd/tool/deep:0", "internal/newcomer:0", "wire/a.go:3"}; !slices.Equal(got, want) {
		t.Errorf("findings at %q, want %q", got, want)
	}
}
