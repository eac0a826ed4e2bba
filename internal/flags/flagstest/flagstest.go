package flagstest

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/testkit/golden"
)

// Check fails unless the page describes the flags of the set: in the program's section, which
// -rewrite writes, and in the program's column of the table of common flags. dir is the
// directory of the test below the root, as in "cmd/spreadd".
func Check(t testing.TB, s *flags.Set, page, dir string) {
	t.Helper()
	doc, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	checkCommon(t, s, string(doc))
	golden.Section(t, page, "<!-- flags: go test ./"+dir+" -run Flags -rewrite -->\n", "<!-- end of flags -->\n", s.Markdown())
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
