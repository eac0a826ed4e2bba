package logline

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spreadd/spreadd/cmd/spreaddemo/weblog"
)

// Every line is one that our parser reads, in the format of its site, and the clock hardly ever
// goes back.
func TestEveryLineParses(t *testing.T) {
	total := 0
	for _, s := range weblog.Sites() {
		var latest time.Time
		n := 0
		for line := range s.Lines() {
			n++
			var f Fields
			if err := f.Parse(line); err != nil {
				t.Fatalf("%s, line %d: %v\n%s", s.Name, n, err, line)
			}
			if f.Combined != (s.Format == weblog.Combined) || len(f.Rest) > 0 {
				t.Fatalf("%s, line %d: not in %s format\n%s", s.Name, n, s.Format, line)
			}
			if !bytes.HasSuffix(line, []byte("\n")) {
				t.Fatalf("%s, line %d: no newline", s.Name, n)
			}
			at, err := time.Parse("02/Jan/2006:15:04:05 -0700", string(f.Time))
			if err != nil {
				t.Fatalf("%s, line %d: %v", s.Name, n, err)
			}
			if at.Before(latest.Add(-time.Minute)) {
				t.Errorf("%s, line %d: %v after %v", s.Name, n, at, latest)
			}
			latest = at
		}
		if n < 1000 {
			t.Errorf("%s: %d lines", s.Name, n)
		}
		total += n
	}
	if total != 6000 {
		t.Errorf("%d lines in all", total)
	}
}

// TestOddLines has a row for each kind that the demo promises.
func TestOddLines(t *testing.T) {
	type check func(line []byte, f *Fields) bool
	request := func(pattern string) check {
		re := regexp.MustCompile(pattern)
		return func(_ []byte, f *Fields) bool { return re.Match(f.Request) }
	}
	agent := func(part string) check {
		return func(_ []byte, f *Fields) bool { return strings.Contains(string(f.Agent), part) }
	}
	kinds := []struct {
		name  string
		is    check
		least int
	}{
		{"IPv6 host", func(_ []byte, f *Fields) bool { return bytes.HasPrefix(f.Host, []byte("2001:db8:")) }, 100},
		{"IPv6 host in brackets", func(_ []byte, f *Fields) bool { return f.Host[0] == '[' }, 4},
		{"host name", func(_ []byte, f *Fields) bool { return bytes.HasSuffix(f.Host, []byte(".example.net")) }, 20},
		{"quotes in the user agent", agent(`\"`), 8},
		{"spaces in the user agent", agent(" "), 1000},
		{"backslash at the end of the user agent", func(_ []byte, f *Fields) bool { return bytes.HasSuffix(f.Agent, []byte(`\\`)) }, 4},
		{"long user agent", func(_ []byte, f *Fields) bool { return len(f.Agent) > 1500 }, 4},
		{"empty referrer", func(_ []byte, f *Fields) bool { return f.Combined && len(f.Referrer) == 0 }, 8},
		{"no referrer", func(_ []byte, f *Fields) bool { return string(f.Referrer) == "-" }, 1000},
		{"URL of 8 KiB", func(_ []byte, f *Fields) bool { return len(f.Path) >= 8<<10 }, 12},
		{"UTF-8", func(line []byte, _ *Fields) bool {
			return utf8.Valid(line) && bytes.ContainsRune(line, '文')
		}, 4},
		{"neither ASCII nor UTF-8", func(line []byte, _ *Fields) bool { return !utf8.Valid(line) }, 4},
		{"escaped control bytes", request(`\\x00\\x1b`), 4},
		{"TLS on a plain port", request(`^\\x16\\x03`), 4},
		{"request of nothing", request(`^$`), 4},
		{"408", func(_ []byte, f *Fields) bool { return string(f.Request) == "-" && f.Status == 408 }, 12},
		{"HTTP/0.9", func(_ []byte, f *Fields) bool { return len(f.Path) > 0 && len(f.Proto) == 0 }, 4},
		{"spaces in the path", func(_ []byte, f *Fields) bool { return bytes.ContainsRune(f.Path, ' ') }, 4},
		{"brackets in the path", request(`\[1\]`), 4},
		{"user", func(_ []byte, f *Fields) bool { return string(f.User) == "Jane Doe" }, 4},
		{"more than 4 GiB", func(_ []byte, f *Fields) bool { return f.Bytes > 1<<32 }, 4},
		{"no size", func(line []byte, f *Fields) bool { return f.Status == 304 && f.Bytes == 0 }, 100},
		{"server error", func(_ []byte, f *Fields) bool { return f.Status >= 500 }, 20},
	}
	for _, m := range []string{"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "PROPFIND"} {
		kinds = append(kinds, struct {
			name  string
			is    check
			least int
		}{m, func(_ []byte, f *Fields) bool { return string(f.Method) == m }, 4})
	}
	counts := make([]int, len(kinds))
	for _, s := range weblog.Sites() {
		for line := range s.Lines() {
			var f Fields
			if err := f.Parse(line); err != nil {
				t.Fatal(err)
			}
			for i := range kinds {
				if kinds[i].is(line, &f) {
					counts[i]++
				}
			}
		}
	}
	for i, k := range kinds {
		if counts[i] < k.least {
			t.Errorf("%s: %d lines, want at least %d", k.name, counts[i], k.least)
		}
	}
}
