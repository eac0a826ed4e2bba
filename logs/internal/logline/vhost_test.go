package logline

import (
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/blind"
)

func TestCutVHost(t *testing.T) {
	const rest = `10.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 1`
	for _, tt := range []struct{ line, vhost, rest string }{
		{"www.example.com:80 " + rest, "www.example.com:80", rest},
		{"a " + rest, "a", rest},
		{rest, "", rest},
		{`h - J. R. Doe [t] "GET / HTTP/1.1" 200 1`, "", `h - J. R. Doe [t] "GET / HTTP/1.1" 200 1`},
		{`v h - J. R. Doe [t] "GET / HTTP/1.1" 200 1`, "v", `h - J. R. Doe [t] "GET / HTTP/1.1" 200 1`},
		{`v h id user [t] "GET / HTTP/1.1" 200 1`, "v", `h id user [t] "GET / HTTP/1.1" 200 1`},
		{`h id user [t] "GET / HTTP/1.1" 200 1`, "", `h id user [t] "GET / HTTP/1.1" 200 1`},
		{`v [::1] - - [t] "GET /"`, "v", `[::1] - - [t] "GET /"`},
		{`[::1]:80 [::1] - - [t] "GET /"`, "[::1]:80", `[::1] - - [t] "GET /"`},
		{`[::1] - bob [x] y [t] "GET /"`, "", `[::1] - bob [x] y [t] "GET /"`},
		{`v h - bob [x] y [t] "GET /"`, "v", `h - bob [x] y [t] "GET /"`},
		{caddyLine, "", caddyLine},
		{"v " + caddyLine, "v", caddyLine},
		{`v {"ts":1}`, "v", `{"ts":1}`},
		{`INFO {"ts":1}`, "", `INFO {"ts":1}`},
		{haproxyLine, "", haproxyLine},
		{"v " + haproxyLine, "v", haproxyLine},
		{"Feb 16 12:14:14 localhost haproxy[14389]: " + haproxyLine, "", "Feb 16 12:14:14 localhost haproxy[14389]: " + haproxyLine},
		{"", "", ""},
		{" [", "", " ["},
		{"a [", "", "a ["},
		{"a b [", "", "a b ["},
		{"a b  [", "", "a b  ["},
		{" a b c [", "", " a b c ["},
		{"a b c d", "", "a b c d"},
	} {
		vhost, rest, ok := CutVHost([]byte(tt.line))
		if string(vhost) != tt.vhost || string(rest) != tt.rest || ok != (tt.vhost != "") {
			t.Errorf("%q is cut into %q and %q, %v; want %q and %q", tt.line, vhost, rest, ok, tt.vhost, tt.rest)
		}
	}
}

// TestSplitVHost: any first word that can be a host is a virtual host, except that of an access log line
// without one.
func TestSplitVHost(t *testing.T) {
	const clf = `10.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 1`
	for _, tt := range []struct{ message, vhost, rest string }{
		{"v " + clf, "v", clf},
		{clf, "", clf},
		{clf[:len(clf)-6], "", clf[:len(clf)-6]},
		{clf[:len(clf)-10], "", clf[:len(clf)-10]},
		{clf + "\nv x\n", "", clf + "\nv x\n"},
		{"h id user [t] \"GET /\" 200 1", "", "h id user [t] \"GET /\" 200 1"},
		{"v h id user [t] \"GET /\" 200 1", "v", "h id user [t] \"GET /\" 200 1"},
		{"v [::1] - - [t] \"GET /\" 200 1", "v", "[::1] - - [t] \"GET /\" 200 1"},
		{"v [10/Oct/2026:13:55:36 +0000] \"GET /\" 200", "v", "[10/Oct/2026:13:55:36 +0000] \"GET /\" 200"},
		{"v - any text", "v", "- any text"},
		{"v any text", "v", "any text"},
		{"v x\n" + clf, "v", "x\n" + clf},
		{"Oct text", "Oct", "text"},
		{"word\n", "", "word\n"},
		{" a b", "", " a b"},
		{"", "", ""},
		{"a ", "a", ""},
		{caddyLine, "www.example.com", caddyLine},
		{"v " + caddyLine, "v", caddyLine},
		{`{"host":"web1","msg":"no request"}`, "", `{"host":"web1","msg":"no request"}`},
		{"{ a", "", "{ a"},
		{"[Mon Nov 30 01:02:03.4 2026] [core:error] [pid 1] text", "", "[Mon Nov 30 01:02:03.4 2026] [core:error] [pid 1] text"},
		{"2026/11/30 01:02:03 [error] 12#12: *3 text", "", "2026/11/30 01:02:03 [error] 12#12: *3 text"},
		{"2026-11-30 01:02:03 text", "", "2026-11-30 01:02:03 text"},
		{"2026-11-30T01:02:03Z text", "", "2026-11-30T01:02:03Z text"},
		{"01:02:03 text", "", "01:02:03 text"},
		{"1480468502.123 text", "", "1480468502.123 text"},
		{"Nov 30 01:02:03 web1 php: text", "", "Nov 30 01:02:03 web1 php: text"},
		{"Nov  3 01:02:03 web1 php: text", "", "Nov  3 01:02:03 web1 php: text"},
		{"<134>Nov  3 01:02:03 web1 php: text", "", "<134>Nov  3 01:02:03 web1 php: text"},
		{"ERROR text", "", "ERROR text"},
		{"level=info msg=text", "", "level=info msg=text"},
		{"error: text", "", "error: text"},
		{"www.example.com:443 [Mon Nov 30 01:02:03 2026] text", "www.example.com:443", "[Mon Nov 30 01:02:03 2026] text"},
		{"WWW.EXAMPLE.COM text", "WWW.EXAMPLE.COM", "text"},
		{"192.0.2.1:80 text", "192.0.2.1:80", "text"},
		{"[2001:db8::1]:80 text", "[2001:db8::1]:80", "text"},
		{"a/../b " + clf, "a/../b", clf},
		{"a/../b text", "a/../b", "text"},
		{haproxyLine, "", haproxyLine},
		{"v " + haproxyLine, "v", haproxyLine},
		{"Feb  6 12:14:14 localhost haproxy[14389]: " + haproxyLine, "", "Feb  6 12:14:14 localhost haproxy[14389]: " + haproxyLine},
	} {
		var f Fields
		vhost, rest := f.SplitVHost([]byte(tt.message))
		if string(vhost) != tt.vhost || string(rest) != tt.rest || vhost != nil && len(vhost) == 0 {
			t.Errorf("%q is cut into %q and %q; want %q and %q", tt.message, vhost, rest, tt.vhost, tt.rest)
		}
	}
}

// TestVHostsAgree: logsub, by SplitVHost, and logmon, by CutVHost, find the same virtual host in front of
// access log lines, or none.
func TestVHostsAgree(t *testing.T) {
	for _, line := range []string{
		caddyLine, haproxyLine, nginxLine, traefikLine,
		`10.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 1 "-" "-"`,
		`h - J. R. Doe [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 1`,
		`2001:db8::1 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 1`,
	} {
		for _, front := range []string{"", "www.example.com:80", "1", "ERROR", "2026-11-30", "a_b"} {
			text := []byte(line)
			if front != "" {
				text = []byte(front + " " + line)
			}
			var f Fields
			_, cut, ok := CutVHost(text)
			if vhost, rest := f.SplitVHost(text); string(rest) != string(cut) || ok && string(vhost) != front || front == "www.example.com:80" && !ok {
				t.Errorf("%.60q: SplitVHost has %q and %.60q, CutVHost %.60q", text, vhost, rest, cut)
			}
		}
	}
}

func TestAppendVHost(t *testing.T) {
	for name, want := range map[string]string{
		"WWW.Example.COM:80": "www.example.com",
		"a.":                 "a",
		"a.:443":             "a",
		"a":                  "a",
		"[::1]:80":           "[::1]",
		"[::1]":              "[::1]",
		"a:b":                "a:b",
		"a:":                 "a",
		":80":                ":80",
		"":                   "",
	} {
		if got := string(AppendVHost(nil, []byte(name))); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

func FuzzCutVHost(f *testing.F) {
	f.Add([]byte(`v:80 h - - [t] "GET / HTTP/1.1" 200 1`)) // with one
	f.Add([]byte(`h - a b [t] "GET / HTTP/1.1" 200 1`))    // a user with a space
	f.Add([]byte(`[::1]:80 [::1] - a [b] [t] "GET / HTTP/1.1" 200 1`))
	f.Add([]byte("v " + caddyLine))
	f.Add([]byte("v " + haproxyLine))
	blind.Fuzz(f, func(t *testing.T, line []byte) {
		vhost, rest, ok := CutVHost(line)
		want := string(rest)
		if ok {
			want = string(vhost) + " " + want
		}
		if want != string(line) || ok != (len(vhost) > 0) {
			t.Errorf("%q became %q and %q, %v", line, vhost, rest, ok)
		}
		var fields Fields
		if err := fields.Parse(rest); ok && (err == ErrHost || err == ErrIdent || err == ErrUser) { //nolint:errorlint // it is not wrapped
			t.Errorf("%q has a virtual host, and behind it %v", line, err)
		}
		if a := AppendVHost(nil, vhost); len(a) > len(vhost) {
			t.Errorf("%q became %q", vhost, a)
		}
	})
}

func TestVHostAllocs(t *testing.T) {
	line, buf := []byte(`V:80 h - - [t] "GET / HTTP/1.1" 200 1`), make([]byte, 0, 10)
	if n := testing.AllocsPerRun(100, func() {
		vhost, _, _ := CutVHost(line)
		buf = AppendVHost(buf[:0], vhost)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestVHostNames: two hosts that differ, other than in the case of letters as host names have them,
// stay two.
func TestVHostNames(t *testing.T) {
	for text, want := range map[string]string{
		"WWW.A.com": "www.a.com", "a.com:80": "a.com", "a.com.": "a.com", "[::1]:80": "[::1]", "\u0130.com": "\u0130.com", "\u212a": "\u212a", "": "",
	} {
		name := []byte(text)
		if got := string(AppendVHost(nil, name)); got != want || string(name) != text {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}
