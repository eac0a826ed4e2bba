package promtest

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var matcher = regexp.MustCompile(`(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"`)

// CheckExpressions finds what is said of a program's metrics in a file, such as the expressions of
// rules and examples of a page, and fails if they name a metric, a label, or a value of a label
// other than those of free, that is not served. It returns how many metrics were named.
func CheckExpressions(t testing.TB, p *Page, program, file string, free ...string) (found int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	labels := p.Labels()
	selector := regexp.MustCompile(`\b` + program + `_[a-z0-9_]+(\{[^{}]*\})?`)
	for number, line := range bytes.Split(text, []byte{'\n'}) {
		if bytes.HasPrefix(line, []byte("| `"+program+"_")) {
			continue // of the tables
		}
		for _, m := range selector.FindAllString(string(line), -1) {
			found++
			name, rest, _ := strings.Cut(m, "{")
			if family := histogram(p, name); p.Types[name] == "" && family == "" {
				t.Errorf("%s:%d: %s is not served", file, number+1, name)
				continue
			}
			for _, l := range matcher.FindAllStringSubmatch(rest, -1) {
				values, ok := labels[name][l[1]]
				if !ok {
					t.Errorf("%s:%d: %s has no label %s", file, number+1, name, l[1])
					continue
				}
				if slices.Contains(free, l[1]) {
					continue
				}
				for _, v := range alternatives(l[2], l[3]) {
					if !slices.Contains(values, v) {
						t.Errorf("%s:%d: the label %s of %s is never %q", file, number+1, l[1], name, v)
					}
				}
			}
		}
	}
	return found
}

// histogram returns the family of a series of a histogram, or "".
func histogram(p *Page, series string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if name, ok := strings.CutSuffix(series, suffix); ok && p.Types[name] == "histogram" {
			return name
		}
	}
	return ""
}

// alternatives are the values that a matcher names; a bar may stand behind a backslash, as it has
// to in tables of Markdown.
func alternatives(op, value string) []string {
	if op == "=" || op == "!=" {
		return []string{value}
	}
	return strings.Split(strings.ReplaceAll(value, `\|`, "|"), "|")
}
