package golden

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files with the present output")

// File compares got with the content of a file, or writes it there.
func File(t testing.TB, file, got string) {
	t.Helper()
	want, err := os.ReadFile(file)
	if err == nil && string(want) == got {
		return
	}
	if *rewrite {
		err = os.WriteFile(file, []byte(got), 0o644)
	}
	switch {
	case err != nil:
		t.Fatalf("%v (-rewrite writes golden files)", err)
	case !*rewrite:
		t.Errorf("%s differs (-rewrite writes it): %s", file, Diff(string(want), got))
	}
}

// Section compares got with the part of a file between two lines, or writes it there. The lines
// end in a newline.
func Section(t testing.TB, file, begin, end, got string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the lines %q and %q", file, begin, end)
	}
	File(t, file, before+begin+got+end+after)
}

// Diff shows the lines around the first difference of two texts.
func Diff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	n := 0
	for n < len(w) && n < len(g) && w[n] == g[n] {
		n++
	}
	cut := func(lines []string) string { return strings.Join(lines[n:min(len(lines), n+8)], "\n\t") }
	return fmt.Sprintf("from line %d on, want\n\t%s\ngot\n\t%s", n+1, cut(w), cut(g))
}
