package logpub

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/spread"
)

func TestGroupName(t *testing.T) {
	for _, tt := range []struct{ prefix, text, want string }{
		{"", "www.example.com", "www.example.com"},
		{"log-", "a", "log-a"},
		{"", strings.Repeat("a", 31), strings.Repeat("a", 31)},
		{"", strings.Repeat("a", 32), "aaaaaaaaaaaaaaaaaa~hor7l5b3sjqc"},
		{"", "", "~4oymiquy7qob"},
		{"", "a#b", "a_b~qgd7zd37abyd"},
		{"", "a_b", "a_b"},
		{"", "a~b", "a_b~sqksrzphpsnb"},
		{"p-", "ü", "p-__~mb2hjsshlkls"},
	} {
		got := GroupName(tt.prefix, []byte(tt.text))
		if spread.CheckGroup(got) != nil || got != tt.want {
			t.Errorf("%q + %q is %q, want %q", tt.prefix, tt.text, got, tt.want)
		}
	}
}

// FuzzGroupName: names are legal, and texts that differ have names that do.
func FuzzGroupName(f *testing.F) {
	f.Add([]byte("a#b"), []byte("a_b"))
	f.Add([]byte("a_b~qgd7zd37abyd"), []byte("a#b")) // one that pretends to be a changed one
	f.Add([]byte(""), []byte("\x00"))
	blind.Fuzz(f, func(t *testing.T, a, b []byte) {
		for _, prefix := range []string{"", "p-", "sixteen.bytes.16"} {
			na, nb := GroupName(prefix, a), GroupName(prefix, b)
			if spread.CheckGroup(na) != nil || !strings.HasPrefix(na, prefix) || (na == nb) != (string(a) == string(b)) {
				t.Errorf("%q is %q, %q is %q", a, na, b, nb)
			}
		}
	})
}

func TestRoute(t *testing.T) {
	lines := []string{
		"www.A.com:443 x 1\n", "b.org y 2\n", "b.org y 3\n", "- z 4\n", "\n", "b.org. x 5\n", "[::1]:80 q 6\n", "b.org\n", "c.net x 7\n",
	}
	for _, tt := range []struct {
		name  string
		route Route
		want  []string
		over  int64
	}{
		{"virtual host", Route{Field: 1, VHost: true}, []string{"www.a.com", "b.org", "b.org", "d", "d", "b.org", "[::1]", "b.org", "c.net"}, 0},
		{"few of them", Route{Field: 1, VHost: true, MaxTargets: 2}, []string{"www.a.com", "b.org", "b.org", "d", "d", "b.org", "d", "b.org", "d"}, 2},
		{"field", Route{Field: 2, Prefix: "f"}, []string{"fx", "fy", "fy", "fz", "d", "fx", "fq", "d", "fx"}, 0},
		{"first match", Route{Rules: []Rule{
			{regexp.MustCompile(`[1-3]$`), []string{"low"}},
			{regexp.MustCompile(`^b`), []string{"b", "bb"}},
		}}, []string{"low", "low", "low", "d", "d", "b bb", "d", "b bb", "d"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var d fakeDaemon
			p := newPublisher(t, &d, func(c *Config) { c.Groups, c.Route = []string{"d"}, &tt.route })
			if err := p.Run(t.Context(), strings.NewReader(strings.Join(lines, ""))); err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, g := range tt.want {
				want = append(want, "["+g+"]")
			}
			if !slices.Equal(d.got(), lines) || !slices.Equal(d.targets, want) {
				t.Errorf("%q went to %q, want %q", d.got(), d.targets, want)
			}
			if n := p.Stats().Overflow; n != tt.over {
				t.Errorf("%d too many, want %d", n, tt.over)
			}
			checkSums(t, p)
		})
	}
}

func TestRouteErrors(t *testing.T) {
	re := regexp.MustCompile("")
	for want, r := range map[string]Route{
		"field -1":             {Field: -1},
		"both field 1 and 1":   {Field: 1, Rules: []Rule{{re, []string{"a"}}}},
		"but no field":         {VHost: true},
		"number of targets -1": {Field: 1, MaxTargets: -1},
		`prefix "a b"`:         {Field: 1, Prefix: "a b"},
		"rule 1 has no expres": {Rules: []Rule{{nil, []string{"a"}}}},
		"no group to publish":  {Rules: []Rule{{re, nil}}},
		`group name "#"`:       {Field: 1, Default: []string{"#"}},
	} {
		_, err := New(Config{Groups: []string{"g"}, Route: &r})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// BenchmarkRoute finds the group of lines of 100 virtual hosts.
func BenchmarkRoute(b *testing.B) {
	var d fakeDaemon
	p := newPublisher(b, &d, nil)
	r := p.newRouter(&Route{Field: 1, VHost: true, Default: []string{"d"}})
	var lines [][]byte
	for i := range 100 {
		lines = append(lines, fmt.Appendf(nil, "host%d.example.com:80 10.0.0.1 - - \"GET / HTTP/1.1\" 200 5\n", i))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r.find(lines[i%len(lines)])
		i++
	}
}
