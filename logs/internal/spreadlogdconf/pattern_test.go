package spreadlogdconf

import "testing"

// TestEgrep holds what spreadlogd §10 says about Match, and where egrep's syntax and that of package
// regexp differ.
func TestEgrep(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{`GET|POST`, "x POST y\n", true},
		{`get`, "GET", false},
		{`\.php`, "/a.php?x", true},
		{`\.php`, "/aphp", false},
		{`end$`, "the end\n", true},
		{`end$`, "the end", true},
		{`end$`, "x end\nq\n", true},
		{`^q`, "x end\nq\n", true},
		{`a.b`, "a\nb", false},
		{`a{2}c`, "xaac", true},
		{`[[:digit:]]+x`, "12x", true},
		{`[]a]`, "]", true},
		{`[^]a]`, "]a", false},
		{`[\d]`, "5", false},
		{`[\d]`, `\`, true},
		{`[a[]`, "[", true},
		{`\<cat\>`, "a cat!", true},
		{`\<cat\>`, "concat", false},
		{"\\`a", "a", true},
		{"\\`a", "b\na", false},
		{`b\'`, "b\nc", false},
		{`\w\W\s\S\b`, "a. b", true},
		{`\d`, "5", false},
		{`\d`, "d", true},
		{`\é`, "é", true},
		{`\\`, `\`, true},
		{"one\ntwo", "two", true},
		{`.`, "\xff", true},
		{`a|b`, "b", true},
		{``, "anything", true},
	} {
		re, err := compileEgrep(tt.pattern)
		if err != nil {
			t.Errorf("%q: %v", tt.pattern, err)
			continue
		}
		if got := re.MatchString(tt.text); got != tt.want {
			t.Errorf("%q on %q: %v (as %q)", tt.pattern, tt.text, got, re)
		}
	}
	for _, bad := range []string{`(`, `a)`, `[a`, `[[:alpha:`, `(a)\1`, `(?i)a`, `a\`, `[[:nosuch:]]`, `x{3,1}`} {
		if re, err := compileEgrep(bad); err == nil {
			t.Errorf("%q became %q", bad, re)
		}
	}
}
