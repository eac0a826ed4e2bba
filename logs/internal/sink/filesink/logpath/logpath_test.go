package logpath

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/blind"
)

var at = time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)

func mustParse(t *testing.T, text string) *Template {
	t.Helper()
	tmpl, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func TestTemplate(t *testing.T) {
	n := &Names{Group: "weblogs", VHost: "www.example.com", Host: "web1", User: "lp12"}
	for _, tt := range []struct{ text, path, base, period string }{
		{"/data/logs/a", "/data/logs/a", "/data/logs", ""},
		{"/data/%{vhost}/%Y/%m/%d/access.log", "/data/www.example.com/2027/01/02/access.log", "/data", "2027 01 02 "},
		{"/data/x-%{group}-%{host}-%{user}", "/data/x-weblogs-web1-lp12", "/data", ""},
		{"/data/x/%H%M%S.%y.%j", "/data/x/030405.27.002", "/data/x", "03 04 05 27 002 "},
		{"/data/%G-W%V/%F", "/data/2026-W53/2027-01-02", "/data", "2026 53 2027-01-02 "},
		{"/data/100%%/a", "/data/100%/a", "/data/100%", ""},
		{Escape("/data/100%/%Y"), "/data/100%/%Y", "/data/100%", ""},
		{"/%{vhost}", "/www.example.com", "/", ""},
		{"/data//x/../a", "/data/a", "/data", ""},
	} {
		tmpl := mustParse(t, tt.text)
		path := string(tmpl.Append(nil, n, at))
		if path != tt.path {
			t.Errorf("%s gives %s, want %s", tt.text, path, tt.path)
		}
		if tmpl.Base() != tt.base {
			t.Errorf("%s has the base %s, want %s", tt.text, tmpl.Base(), tt.base)
		}
		if got := string(tmpl.AppendPeriod(nil, at)); got != tt.period {
			t.Errorf("%s has the period %q, want %q", tt.text, got, tt.period)
		}
		if tmpl.Static() != (path == tmpl.literalPath()) || tmpl.Timed() != (tt.period != "") {
			t.Errorf("%s is static: %v, timed: %v", tt.text, tmpl.Static(), tmpl.Timed())
		}
		f, ok := tmpl.Match(path)
		if !ok || f.Period != tt.period || f.Part != "" || f.Compressed != "" {
			t.Errorf("%s: its own path is taken for %+v, %v", tt.text, f, ok)
		}
		g, ok := tmpl.Match(path + ".000012.gz")
		if !ok || g.Series != f.Series || g.Period != tt.period || g.Part != ".000012" || g.Compressed != ".gz" {
			t.Errorf("%s: a compressed part is taken for %+v, %v", tt.text, g, ok)
		}
		if _, ok := tmpl.Match(path + " old"); ok {
			t.Errorf("%s takes a file of somebody else's", tt.text)
		}
	}
}

// literalPath is the path of a template without names and times.
func (t *Template) literalPath() string {
	if len(t.pieces) != 1 {
		return ""
	}
	return t.pieces[0].literal
}

func TestRelative(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	tmpl := mustParse(t, "logs/%Y")
	t.Chdir(t.TempDir())
	if got := string(tmpl.Append(nil, &Names{}, at)); got != filepath.Join(dir, "logs", "2027") {
		t.Errorf("the path is %s", got)
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "empty",
		"/a/%":                              "%% for the sign itself",
		"/a/%q":                             "%q is not known",
		"/a/%{vhost":                        "no }",
		"/a/%{server}":                      "%{server} is not known: there are %{group}, %{vhost}",
		"/a/%{}":                            "%{} is not known",
		"/" + long(250):                     "could become 250 bytes",
		"/a/%{vhost}%{host}%{group}%{user}": "could become 244 bytes",
		"/a/%{vhost}" + long(99) + "/" + "%{vhost}": "",
	} {
		_, err := Parse(text)
		if want == "" && err == nil {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func long(n int) string { return strings.Repeat("x", n) }

// TestNames are the rules that the package comment states.
func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"www.example.com:80":      "www.example.com:80",
		"a_b-c+d,e@f=g":           "a_b-c+d,e@f=g",
		"":                        "_none",
		"_none":                   "%5Fnone",
		".":                       "%2E",
		"..":                      "%2E.",
		"../etc":                  "%2E.%2Fetc",
		"a/b":                     "a%2Fb",
		`a\b`:                     "a%5Cb",
		"a%2Fb":                   "a%252Fb",
		".hidden":                 "%2Ehidden",
		"-rf":                     "%2Drf",
		"a\x00\n\x7f":             "a%00%0A%7F",
		"bücher":                  "b%C3%BCcher",
		"a~b c":                   "a%7Eb%20c",
		"a.gz":                    "a%2Egz",
		"a.zst":                   "a%2Ezst",
		"10.0.0.123456":           "10.0.0%2E123456",
		"10.0.0.12345":            "10.0.0.12345",
		long(100):                 long(100),
		long(101):                 long(83) + "~1111f55a1c7c0c6b",
		long(81) + "/" + long(50): long(81) + "~",
	} {
		got := string(AppendName([]byte("/d/"), name))
		if len(name) > 100 {
			got = got[:len("/d/")+len(strings.SplitAfter(want, "~")[0])]
			want = strings.SplitAfter(want, "~")[0]
		}
		if got != "/d/"+want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
	a, b := AppendName(nil, long(200)+"a"), AppendName(nil, long(200)+"b")
	if string(a) == string(b) || len(a) != MaxName {
		t.Errorf("long names become %s and %s", a, b)
	}
}

// FuzzName: whatever a name is, it is one visible element, and its own.
func FuzzName(f *testing.F) {
	tmpl, err := Parse("/data/%{vhost}/log")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("www.example.com", "WWW")
	f.Add("../../etc/passwd", "..")
	f.Add("\x00", "%00")
	f.Add(strings.Repeat("/", 34), strings.Repeat("/", 33))
	blind.Fuzz(f, func(t *testing.T, a, b string) {
		x := string(AppendName(nil, a))
		if x == "" || len(x) > MaxName || strings.ContainsAny(x, "/\\\x00\n ") || strings.ContainsRune(".-", rune(x[0])) {
			t.Errorf("%q becomes %q", a, x)
		}
		if y := string(AppendName(nil, b)); a != b && x == y {
			t.Errorf("%q and %q both become %q", a, b, x)
		}
		path := string(tmpl.Append(nil, &Names{VHost: a}, at))
		if filepath.Dir(filepath.Dir(path)) != "/data" || filepath.Clean(path) != path {
			t.Errorf("%q leads to %s", a, path)
		}
		if m, ok := tmpl.Match(path); !ok || m.Series != x+"/" {
			t.Errorf("%s is taken for %+v, %v", path, m, ok)
		}
	})
}

func TestAllocations(t *testing.T) {
	tmpl := mustParse(t, "/data/logs/%{vhost}/%Y/%m/%d/%G-%V.log")
	n := &Names{VHost: "www.example.com"}
	buf := make([]byte, 0, 1000)
	if n := testing.AllocsPerRun(100, func() {
		buf = tmpl.Append(buf[:0], n, at)
		buf = tmpl.AppendPeriod(buf[:0], at)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
