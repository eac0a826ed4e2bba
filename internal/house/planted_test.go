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
	l := NewLoader()
	seen := make(map[string]bool)
	for _, p := range slices.Concat(plantedPure, plantedOrder, plantedForms, plantedTestdata, plantedReferences) {
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
	for _, elsewhere := range []string{"layers", "size", "words"} { // TestLayers, TestSize, TestWords
		seen[elsewhere] = true
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
-- wire/a.go --
package wire

func init() {}
-- ring/a.go --
package ring

import "os"

var _ = os.Args
`, true)
	want := []string{
		`ring/a.go:3: a machine imports "os": pass in what it needs, and give back effects (pure)`,
		`wire/a.go:3: an init function: call it from where it is needed, or initialize the variable where it is declared (init)`,
	}
	var got []string
	for _, f := range check(t, NewLoader(), fsys) {
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
			if _, err := NewLoader().Load(fsys); err == nil {
				t.Error("no error")
			}
		})
	}
}

// TestSize: the bound on lines, and what is exempt. It is planted in code, for
// its length.
func TestSize(t *testing.T) {
	lines := func(head string, n int) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(head + strings.Repeat("\n", n-strings.Count(head, "\n")))}
	}
	fsys := plant("-- wire/doc.go --\n// Package wire is planted.\npackage wire\n", true)
	fsys["wire/long.go"] = lines("package wire\n", maxLines+1)
	fsys["docs/long.md"] = lines("# Long\n", maxLines+1)
	fsys[".ci/long"] = lines("#!/bin/sh\n", maxLines+1)
	fsys["tools/long.sh"] = lines("#!/bin/sh\n", maxLines+1)
	fsys[".ci/exact"] = lines("#!/bin/sh\n", maxLines)
	fsys["wire/exact.go"] = lines("package wire\n", maxLines)
	fsys["wire/generated.go"] = lines("// Code generated by gen; DO NOT EDIT.\n\npackage wire\n", maxLines+1)
	fsys["wire/not_generated.go"] = lines("// Code generated by hand.\n\npackage wire\n", maxLines+1)
	fsys["wire/testdata/README.md"] = lines("Long.\n", maxLines+1)
	fsys["docs/spec/wire.md"] = lines("# Spec\n", maxLines+1)
	fsys["go.sum"] = lines("", maxLines+1)
	fsys["tools/go.sum"] = lines("", maxLines+1)
	fsys["program"] = lines("\x00", maxLines+1)

	var got []string
	for _, f := range check(t, NewLoader(), fsys) {
		got = append(got, f.Rule+" "+f.Path)
	}
	if want := []string{"size .ci/long", "size docs/long.md", "size tools/long.sh", "size wire/long.go", "size wire/not_generated.go"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// TestWords plants each word in each kind of file.
func TestWords(t *testing.T) {
	loader := NewLoader()
	for _, w := range words {
		t.Run(w.word, func(t *testing.T) {
			fsys := plant("-- wire/doc.go --\n// Package wire is planted.\npackage wire\n", true)
			for name, text := range map[string]string{
				"README.md":               "a\nb " + w.word + "/c\n",
				"wire/a.go":               "package wire\n\nvar _ = \"https://" + w.word + "\"\n",
				"wire/testdata/README.md": w.word,
				"tools/go.mod":            "module m\n// " + w.word,
				".ci/run":                 "curl " + w.word,
				"program":                 "\x00" + w.word,
				".git/config":             w.word,
				"near.md":                 w.word[:len(w.word)-1],
			} {
				fsys[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
			}
			var got []string
			for _, f := range check(t, loader, fsys) {
				got = append(got, fmt.Sprintf("%s %s:%d", f.Rule, f.Path, f.Line))
			}
			want := []string{
				"words .ci/run:1", "words README.md:2", "words tools/go.mod:2", "words wire/a.go:3", "words wire/testdata/README.md:1",
			}
			if !slices.Equal(got, want) {
				t.Errorf("found %q, want %q", got, want)
			}
		})
	}
}
