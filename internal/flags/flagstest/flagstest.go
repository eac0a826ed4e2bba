package flagstest

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/flags"
)

// Check fails unless the page describes the flags of the set: in the program's section, which it
// writes if rewrite is true, and in the program's column of the table of common flags. dir is the
// directory of the test below the root, as in "cmd/spreadd".
func Check(t testing.TB, s *flags.Set, page, dir string, rewrite bool) {
	t.Helper()
	doc, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	checkCommon(t, s, string(doc))
	begin, end := "<!-- flags: go test ./"+dir+" -run Flags -rewrite -->\n", "<!-- end of flags -->\n"
	before, rest, ok := bytes.Cut(doc, []byte(begin))
	got, after, ok2 := bytes.Cut(rest, []byte(end))
	want := s.Markdown()
	switch {
	case !ok || !ok2:
		t.Errorf("%s lacks the lines %q and %q", page, begin, end)
	case string(got) == want:
	case rewrite:
		if err := os.WriteFile(page, slices.Concat(before, []byte(begin+want+end), after), 0o644); err != nil {
			t.Error(err)
		}
	default:
		t.Errorf("%s does not describe the flags of %s: run the command of its comment. It has\n%s\nwant\n%s", page, s.Name, got, want)
	}
}

// checkCommon compares the table of common flags with the set: a flag is marked with "yes" in the
// program's column if the program has it.
func checkCommon(t testing.TB, s *flags.Set, doc string) {
	t.Helper()
	var names []string
	for line := range strings.Lines(doc) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case cells[0] == "common flag":
			names = cells
		case names == nil || !strings.HasPrefix(cells[0], "`-"):
			if names != nil && !strings.HasPrefix(cells[0], "---") {
				return
			}
		default:
			name, _, _ := strings.Cut(strings.Trim(cells[0], "`-"), " ")
			i := slices.Index(names, s.Name)
			if i < 0 {
				t.Errorf("the table of common flags has no column for %s", s.Name)
				return
			}
			if has := s.Has(name); has != (cells[i] == "yes") {
				t.Errorf("the table of common flags says %q of -%s in %s", cells[i], name, s.Name)
			}
		}
	}
	if names == nil {
		t.Error("there is no table of common flags")
	}
}
