package house

import (
	"regexp"
	"strings"
	"testing"
)

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"a", "a", true},
		{"a", "ab", false},
		{"", "", true},
		{"*", "", true},
		{"*", "a/b", true},
		{"a*", "a", true},
		{"a*", "ba", false},
		{"*a", "ba", true},
		{"*a", "ab", false},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"a*b*c", "a1b2b3c", true},
		{"a*b*c", "a1c2b", false},
		{"a**c", "abc", true},
		{"*ab*ab", "ab", false},
	} {
		if got := matches(c.pattern, c.name); got != c.want {
			t.Errorf("matches(%q, %q) = %v", c.pattern, c.name, got)
		}
	}
}

// FuzzMatches compares with a regular expression that says the same.
func FuzzMatches(f *testing.F) {
	f.Add("a*b*c", "a1b2b3c")
	f.Add("*ab*ab", "abab")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		parts := strings.Split(pattern, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		re, err := regexp.Compile(`(?s)\A` + strings.Join(parts, ".*") + `\z`)
		if err != nil {
			t.Skip() // not UTF-8, or too long for a regular expression
		}
		if strings.ToValidUTF8(name, "") != name {
			t.Skip()
		}
		if got, want := matches(pattern, name), re.MatchString(name); got != want {
			t.Errorf("matches(%q, %q) = %v", pattern, name, got)
		}
	})
}
