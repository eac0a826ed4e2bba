package house

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// planted is a violation, and beside it what differs as little as possible and
// is in order. Trees are written as files under headings; a go.mod, and a doc.go for
// each package without one, are added where noAdditions is not set.
type planted struct {
	name        string
	rule        string
	bad         string
	want        []string // "path:line", or "path" for a whole file
	good        string
	noAdditions bool
}

// TestPlanted proves that each rule bites, and bites nobody else.
func TestPlanted(t *testing.T) {
	l := NewLoader(t.Context())
	seen := make(map[string]bool)
	for _, p := range slices.Concat(plantedPure, plantedOrder, plantedSleep, plantedReferences, plantedLanguage) {
		seen[p.rule] = true
		t.Run(p.rule+"/"+p.name, func(t *testing.T) {
			var got []string
			for _, f := range check(t, l, plant(p.bad, !p.noAdditions)) {
				if f.Rule != p.rule {
					t.Errorf("a finding of another rule: %v", f)
				}
				where := f.Path
				if f.Line > 0 {
					where = fmt.Sprintf("%s:%d", f.Path, f.Line)
				}
				got = append(got, where)
			}
			slices.Sort(got)
			if got = slices.Compact(got); !slices.Equal(got, slices.Sorted(slices.Values(p.want))) {
				t.Errorf("found %q, want %q", got, p.want)
			}
			for _, f := range check(t, l, plant(p.good, !p.noAdditions)) {
				t.Errorf("finds fault with what is in order: %v", f)
			}
		})
	}
	for _, r := range Rules() {
		if !seen[r.Name] {
			t.Errorf("rule %s has no planted violation", r.Name)
		}
		if r.Why == "" {
			t.Errorf("rule %s has no reason", r.Name)
		}
	}
}

// check loads a planted tree and applies the rules.
func check(t *testing.T, l *Loader, fsys fstest.MapFS) []Finding {
	t.Helper()
	tree, err := l.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return Check(tree)
}

// plant makes a file system of a text in which "-- path --" stands above each
// file.
func plant(text string, additions bool) fstest.MapFS {
	fsys := make(fstest.MapFS)
	var name string
	for line := range strings.Lines(text) {
		if s, ok := strings.CutPrefix(line, "-- "); ok {
			name = strings.TrimSuffix(s, " --\n")
			fsys[name] = &fstest.MapFile{Mode: 0o644}
		} else if name != "" {
			fsys[name].Data = append(fsys[name].Data, line...)
		}
	}
	if !additions {
		return fsys
	}
	for name, f := range fsys {
		dir := path.Dir(name)
		doc := path.Join(dir, "doc.go")
		if path.Ext(name) != ".go" || fsys[doc] != nil || inTestdata(name) {
			continue
		}
		pkg := strings.Fields(string(f.Data[strings.Index(string(f.Data), "package "):]))[1]
		comment := "Package " + pkg
		if pkg == "main" {
			comment = "Command " + path.Base(dir)
		}
		fsys[doc] = &fstest.MapFile{Data: fmt.Appendf(nil, "// %s is planted.\npackage %s\n", comment, pkg), Mode: 0o644}
	}
	if fsys["go.mod"] == nil {
		fsys["go.mod"] = &fstest.MapFile{Data: []byte("module example.org/m\n\ngo 1.26.0\n"), Mode: 0o644}
	}
	return fsys
}

// TestPlantedWhole: all at once in a tree of several packages, findings come
// sorted, and are printed as compilers do.
func TestPlantedWhole(t *testing.T) {
	fsys := plant(`
-- wire/a_test.go --
package wire

import "time"

var _ = time.Sleep
-- ring/a.go --
package ring

import "time"

var _ = time.Now
`, true)
	want := []string{
		"ring/a.go:5: a machine uses time.Now: of time it may use Duration, Nanosecond, Microsecond, Millisecond, Second, Minute, Hour (pure)",
		"wire/a_test.go:5: a test sleeps: wait for the condition, use testing/synctest, or say behind the line why not (//house:sleep REASON) (sleep)",
	}
	var got []string
	for _, f := range check(t, NewLoader(t.Context()), fsys) {
		got = append(got, f.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestLoadErrors: what cannot be read is an error, not silence.
func TestLoadErrors(t *testing.T) {
	for name, fsys := range map[string]fstest.MapFS{
		"no go.mod":    plant("-- a/a.go --\npackage a\n", false),
		"syntax error": plant("-- go.mod --\nmodule m\n-- a/a.go --\npackage a\n\nfunc {\n", false),
		"not UTF-8": {
			"go.mod": {Data: []byte("module m\n")},
			"a/a.go": {Data: []byte("package a\n\nvar a\xff = 1\n")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := NewLoader(t.Context()).Load(fsys); err == nil {
				t.Error("no error")
			}
		})
	}
}
