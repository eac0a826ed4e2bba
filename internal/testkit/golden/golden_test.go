package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorder is a test whose failures are recorded.
type recorder struct {
	testing.TB
	text string
}

func (*recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) { r.text = fmt.Sprintf(format, args...) }

// Fatalf panics, because a real one does not return either.
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(r)
}

// failure returns what a test that calls f fails with, or nothing.
func failure(t *testing.T, f func(testing.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(r) {
				panic(p)
			}
		}()
		f(r)
	}()
	return r.text
}

// setRewrite sets the flag for one test.
func setRewrite(t *testing.T, value bool) {
	t.Helper()
	old := *rewrite
	*rewrite = value
	t.Cleanup(func() { *rewrite = old })
}

func TestFile(t *testing.T) {
	setRewrite(t, false)
	file := filepath.Join(t.TempDir(), "a.golden")
	compare := func(got string) string {
		return failure(t, func(tb testing.TB) { File(tb, file, got) })
	}
	if s := compare("x\n"); !strings.Contains(s, "-rewrite") {
		t.Errorf("without the file: %q", s)
	}
	setRewrite(t, true)
	if s := compare("x\ny\nz\n"); s != "" {
		t.Errorf("writing: %q", s)
	}
	setRewrite(t, false)
	if s := compare("x\ny\nz\n"); s != "" {
		t.Errorf("the same text: %q", s)
	}
	if s := compare("x\nq\nz\n"); !strings.Contains(s, "line 2") || !strings.Contains(s, "q") {
		t.Errorf("another text: %q", s)
	}
}

func TestSection(t *testing.T) {
	setRewrite(t, false)
	file := filepath.Join(t.TempDir(), "a.md")
	if err := os.WriteFile(file, []byte("a\n<!-- b -->\nold\n<!-- e -->\nz\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	compare := func(end, got string) string {
		return failure(t, func(tb testing.TB) { Section(tb, file, "<!-- b -->\n", end, got) })
	}
	if s := compare("<!-- e -->\n", "old\n"); s != "" {
		t.Errorf("the same text: %q", s)
	}
	if s := compare("<!-- e -->\n", "new\n"); !strings.Contains(s, "line 3") {
		t.Errorf("another text: %q", s)
	}
	if s := compare("<!-- f -->\n", "old\n"); !strings.Contains(s, "lacks the lines") {
		t.Errorf("no section: %q", s)
	}
	setRewrite(t, true)
	if s := compare("<!-- e -->\n", "new\n"); s != "" {
		t.Errorf("writing: %q", s)
	}
	if b, err := os.ReadFile(file); string(b) != "a\n<!-- b -->\nnew\n<!-- e -->\nz\n" {
		t.Errorf("wrote %q (%v)", b, err)
	}
}
