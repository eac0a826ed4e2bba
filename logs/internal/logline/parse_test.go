package logline

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/blind"
)

func show(f *Fields) string {
	return fmt.Sprintf("%s|%s|%s|%s|%s|%s|%s|%s|%d|%d|%t|%s|%s|%s", f.Host, f.Ident, f.User, f.Time,
		f.Request, f.Method, f.Path, f.Proto, f.Status, f.Bytes, f.Combined, f.Referrer, f.Agent, f.Rest)
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{
			"common", `192.0.2.7 - - [03/Apr/2004:11:48:51 -0400] "GET /a?b=c HTTP/1.0" 200 512`,
			`192.0.2.7|-|-|03/Apr/2004:11:48:51 -0400|GET /a?b=c HTTP/1.0|GET|/a?b=c|HTTP/1.0|200|512|false|||`,
		},
		{
			"combined", `h i u [t] "POST / HTTP/1.1" 404 - "http://r/" "Agent (x; y)"` + "\n",
			`h|i|u|t|POST / HTTP/1.1|POST|/|HTTP/1.1|404|0|true|http://r/|Agent (x; y)|`,
		},
		{
			"carriage return", `h - - [t] "GET / HTTP/1.1" 200 1` + "\r\n",
			`h|-|-|t|GET / HTTP/1.1|GET|/|HTTP/1.1|200|1|false|||`,
		},
		{
			"IPv6", `2001:db8::1 - - [t] "GET / HTTP/2.0" 200 1 "-" "-"`,
			`2001:db8::1|-|-|t|GET / HTTP/2.0|GET|/|HTTP/2.0|200|1|true|-|-|`,
		},
		{
			"user with spaces", `h - Jane Doe [t] "GET / HTTP/1.1" 200 1`,
			`h|-|Jane Doe|t|GET / HTTP/1.1|GET|/|HTTP/1.1|200|1|false|||`,
		},
		{
			"user with brackets", `h - bob [x] y [t] "GET / HTTP/1.1" 200 1`,
			`h|-|bob [x] y|t|GET / HTTP/1.1|GET|/|HTTP/1.1|200|1|false|||`,
		},
		{
			"user with quotes and a time", `h - \"[t] \" [x [t] "GET /[x] HTTP/1.1" 200 1`,
			`h|-|\"[t] \" [x|t|GET /[x] HTTP/1.1|GET|/[x]|HTTP/1.1|200|1|false|||`,
		},
		{
			"user in quotes", `h - "bob" [t] "GET / HTTP/1.1" 200 1`,
			`h|-|"bob"|t|GET / HTTP/1.1|GET|/|HTTP/1.1|200|1|false|||`,
		},
		{
			"IPv6 in brackets", `[2001:db8::1] - - [t] "GET / HTTP/1.1" 200 1`,
			`[2001:db8::1]|-|-|t|GET / HTTP/1.1|GET|/|HTTP/1.1|200|1|false|||`,
		},
		{
			"escaped quotes and backslashes", `h - - [t] "GET /\"a\\" 200 1 "\"r\"" "a \\\"b\" \\"`,
			`h|-|-|t|GET /\"a\\|GET|/\"a\\||200|1|true|\"r\"|a \\\"b\" \\|`,
		},
		{
			"empty referrer and agent", `h - - [t] "GET / HTTP/1.1" 200 1 "" ""`,
			`h|-|-|t|GET / HTTP/1.1|GET|/|HTTP/1.1|200|1|true|||`,
		},
		{"no request", `h - - [t] "-" 408 -`, `h|-|-|t|-||||408|0|false|||`},
		{"empty request", `h - - [t] "" 400 0`, `h|-|-|t|||||400|0|false|||`},
		{"binary request", `h - - [t] "\x16\x03\x01 \x02" 400 226`, `h|-|-|t|\x16\x03\x01 \x02||||400|226|false|||`},
		{"HTTP/0.9", `h - - [t] "GET /" 200 1`, `h|-|-|t|GET /|GET|/||200|1|false|||`},
		{"spaces in the path", `h - - [t] "GET /a b c HTTP/1.1" 400 1`, `h|-|-|t|GET /a b c HTTP/1.1|GET|/a b c|HTTP/1.1|400|1|false|||`},
		{"absolute and asterisk forms", `h - - [t] "OPTIONS * HTTP/1.0" 200 -`, `h|-|-|t|OPTIONS * HTTP/1.0|OPTIONS|*|HTTP/1.0|200|0|false|||`},
		{"no status", `h - - [t] "GET / HTTP/1.1" - -`, `h|-|-|t|GET / HTTP/1.1|GET|/|HTTP/1.1|0|0|false|||`},
		{"large size", `h - - [t] "GET / HTTP/1.1" 200 999999999999999999`, `h|-|-|t|GET / HTTP/1.1|GET|/|HTTP/1.1|200|999999999999999999|false|||`},
		{"more fields, common", `h - - [t] "GET / HTTP/1.1" 200 1 17 www`, `h|-|-|t|GET / HTTP/1.1|GET|/|HTTP/1.1|200|1|false|||17 www`},
		{"more fields, combined", `h - - [t] "GET / HTTP/1.1" 200 1 "r" "a" 5 "x"`, `h|-|-|t|GET / HTTP/1.1|GET|/|HTTP/1.1|200|1|true|r|a|5 "x"`},
		{"UTF-8", `h - jörg [t] "GET /ä HTTP/1.1" 200 1`, `h|-|jörg|t|GET /ä HTTP/1.1|GET|/ä|HTTP/1.1|200|1|false|||`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var f Fields
			if err := f.Parse([]byte(tt.in)); err != nil {
				t.Fatal(err)
			}
			if got := show(&f); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want FieldError
	}{
		{"", ErrHost},
		{"\n", ErrHost},
		{" h - -", ErrHost},
		{"host", ErrHost},
		{"h ", ErrIdent},
		{"h -", ErrIdent},
		{"h - ", ErrUser},
		{"h - -", ErrUser},
		{"h - - (t)", ErrUser},
		{"h - - [t", ErrTime},
		{"h - - [t]", ErrRequest},
		{`h - - [t]"GET /" 200 1`, ErrRequest},
		{`h - - [t] GET 200 1`, ErrRequest},
		{`h - - [t] "GET /`, ErrRequest},
		{`h - - [t] "GET /\" 200 1`, ErrRequest},
		{`h - - [t] "GET /\`, ErrRequest},
		{`h - - [t] "GET /"`, ErrStatus},
		{`h - - [t] "GET /"200 1`, ErrStatus},
		{`h - - [t] "GET /" 20 1`, ErrStatus},
		{`h - - [t] "GET /" 2000 1`, ErrStatus},
		{`h - - [t] "GET /" 2x0 1`, ErrStatus},
		{`h - - [t] "GET /" 200`, ErrBytes},
		{`h - - [t] "GET /" 200 `, ErrBytes},
		{`h - - [t] "GET /" 200 -1`, ErrBytes},
		{`h - - [t] "GET /" 200 1234567890123456789`, ErrBytes},
		{`h - - [t] "GET /" 200 1 "r`, ErrReferrer},
		{`h - - [t] "GET /" 200 1 "r"`, ErrAgent},
		{`h - - [t] "GET /" 200 1 "r" a`, ErrAgent},
		{`h - - [t] "GET /" 200 1 "r" "a`, ErrAgent},
	} {
		var f Fields
		if err := f.Parse([]byte(tt.in)); err != tt.want { //nolint:errorlint // the very value is promised
			t.Errorf("%q: %v, want %v", tt.in, err, tt.want)
		}
	}
}

func TestFieldErrorsHaveTexts(t *testing.T) {
	seen := make(map[string]bool)
	for e := ErrHost; e <= ErrJSON+1; e++ {
		if s := e.Error(); seen[s] {
			t.Errorf("%d: %q again", e, s)
		} else {
			seen[s] = true
		}
	}
}

func TestParseAllocs(t *testing.T) {
	good := []byte(`192.0.2.7 - - [03/Apr/2004:11:48:51 -0400] "GET / HTTP/1.0" 200 512 "-" "a \"b\""` + "\n")
	bad := []byte("nonsense from somewhere\n")
	var f Fields
	var err error
	if n := testing.AllocsPerRun(100, func() {
		if err = f.Parse(good); err != nil {
			t.Fatal(err)
		}
		err = f.Parse(bad)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if err == nil {
		t.Error("nonsense was taken")
	}
}

// FuzzParse checks that what Parse accepts can be put together again from its parts.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`192.0.2.7 - - [03/Apr/2004:11:48:51 -0400] "GET /a?b=c HTTP/1.0" 200 512`))
	f.Add([]byte(`::1 - Jane Doe [t] "GET /a b HTTP/1.1" 404 - "\"" "\\" rest` + "\r\n"))
	f.Add([]byte(`h - - [t] "-" 408 -`))
	f.Add([]byte(`h - - [t] "\x16" - 1 "" ""`))
	f.Add([]byte(`[::1] - bob [x] \"y [t] "GET /[x] HTTP/1.1" 200 1`))
	f.Add([]byte(haproxyLine))
	f.Add([]byte(caddyLine))
	blind.Fuzz(f, func(t *testing.T, line []byte) {
		var p Fields
		if err := p.Parse(line); err != nil {
			if _, ok := err.(FieldError); !ok { //nolint:errorlint // the very type is promised
				t.Errorf("error of type %T", err)
			}
			return
		}
		if p.Bytes < 0 || p.Status < 0 || p.Status > 999 {
			t.Errorf("status %d, size %d", p.Status, p.Bytes)
		}
		if len(p.Method) > 0 && !bytes.HasPrefix(p.Request, fmt.Appendf(nil, "%s %s", p.Method, p.Path)) {
			t.Errorf("request %q: method %q, path %q", p.Request, p.Method, p.Path)
		}
		if jsonAt(line) >= 0 || len(p.Ident) == 0 {
			return // JSON and HAProxy
		}
		front := fmt.Appendf(nil, `%s %s %s [%s] "%s" `, p.Host, p.Ident, p.User, p.Time, p.Request)
		if !bytes.HasPrefix(line, front) {
			t.Errorf("%q: not a part of %q", front, line)
		}
		back := fmt.Appendf(nil, ` "%s" "%s"`, p.Referrer, p.Agent)
		if p.Combined && !bytes.Contains(line, back) {
			t.Errorf("%q: not a part of %q", back, line)
		}
		if !bytes.Contains(line, p.Rest) {
			t.Errorf("rest %q: not a part of %q", p.Rest, line)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	line := []byte(`192.0.2.7 - - [03/Apr/2004:11:48:51 -0400] "GET /index.html HTTP/1.0" 200 512 "http://www.example/" "Mozilla/5.0 (X11; Linux x86_64)"` + "\n")
	var f Fields
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if err := f.Parse(line); err != nil {
			b.Fatal(err)
		}
	}
}
