package access

import (
	"net/netip"
	"strings"
	"testing"
)

// hosts lets web hosts send to log groups and log hosts join them.
var hosts = Rules{
	{Where: "web", Identities: []string{"web*.example"}, Names: []string{"lp*"}, Send: []string{"logs", "site-*"}},
	{Where: "log", Identities: []string{"log?.example"}, Join: []string{"logs", "site-*"}, Send: []string{"#lp*", "logs"}},
	{Where: "here", Users: []string{"root"}, Join: []string{"*"}, Send: []string{"*"}, Monitor: true},
	{Where: "net", Addresses: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, Methods: []string{"PWORD"}, Join: []string{"news"}},
}

// publishers binds the names of publishers to identities.
var publishers = Rules{
	{Where: "own", Identities: []string{"*.example"}, Send: []string{"site-*"}, Publishers: []string{IdentityOf, HostOf, HostOf + "-*"}},
	{Where: "here", Users: []string{"root"}, Send: []string{"site-*"}},
	{Where: "none", Join: []string{"news"}},
}

func TestMay(t *testing.T) {
	for question, want := range map[string]string{
		"web1.example send logs":           "yes web",
		"web1.example send site-a":         "yes web",
		"web1.example send news":           "no no rule that",
		"web1.example join logs":           "no no rule that",
		"web1.example name lp12":           "yes web",
		"web1.example name ls12":           "no no rule that",
		"log1.example join site-b":         "yes log",
		"log1.example send #lp12#web1":     "yes log",
		"log1.example send site-a":         "no no rule that",
		"log10.example join logs":          "no no rule matches",
		"user:root join anything":          "yes here",
		"user:root monitor":                "yes here",
		"web1.example monitor":             "no no rule that",
		"10.1.2.3 join news":               "no no rule matches",
		"10.1.2.3,method:PWORD join news":  "yes net",
		"10.2.2.3,method:PWORD join news":  "no no rule matches",
		"web1.example,user:root join logs": "yes here",
		"web1.example fly logs":            "error unknown action",
		"web1.example send":                "error",
		"web1.example":                     "error",
	} {
		checkMay(t, hosts, question, want)
	}
	for question, want := range map[string]string{
		"web1.example send site-a as web1.example":   "yes own",
		"web1.example send site-a as web1":           "yes own",
		"web1.example send site-a as web1-errors":    "yes own",
		"web1.example send site-a as web2.example":   "no no rule that",
		"web1.example send site-a as web":            "no no rule that",
		"web1.example send news as web1":             "no no rule that",
		"web1.example,user:root send site-a as web2": "yes here",
		"web1.example,user:root send news as web2":   "no no rule that",
		"*.example send site-a as web2":              "no no rule that",
		"*.example send site-a as *.example":         "no no rule that",
		".example send site-a as -errors":            "no no rule that",
		"web1.example send site-a":                   "yes own",
		"web1.example send site-a like web1":         "error",
		"web1.example join site-a as web1":           "error",
	} {
		checkMay(t, publishers, question, want)
	}
	if may, _, err := Rules(nil).May("anybody join logs"); !may || err != nil {
		t.Errorf("without rules: %v, %v", may, err)
	}
}

func checkMay(t *testing.T, rules Rules, question, want string) {
	t.Helper()
	may, why, err := rules.May(question)
	got := "no " + why
	if may {
		got = "yes " + why
	}
	if err != nil {
		got = "error " + err.Error()
	}
	if !strings.HasPrefix(got, want) {
		t.Errorf("%q: %s, want %s", question, got, want)
	}
}

// TestRights: what was looked up is remembered within bounds, and stays right beyond them.
func TestRights(t *testing.T) {
	r := hosts.Of(Client{Identity: "web1.example"})
	for i := range 3 * maxCached {
		group := []byte("site-" + string(rune('a'+i%26)) + strings.Repeat("x", i/26%20))
		if !r.Send(group) || r.Join(group) || r.Send(append([]byte("x"), group...)) {
			t.Fatalf("%s: wrong", group)
		}
		if !r.Publish(group, []byte("web2")) {
			t.Fatalf("%s: wrong", group)
		}
		if len(r.send) > maxCached {
			t.Fatalf("%d groups are remembered", len(r.send))
		}
	}
	if !r.Name("") || !r.Name("lp1") || r.Name("x") {
		t.Error("names")
	}
	var all *Rights
	if all.None() || !all.Name("x") || !all.Join([]byte("x")) || !all.Send([]byte("x")) || !all.Monitor() {
		t.Error("nil rights do not allow everything")
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		p, s string
		want bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "abc", true},
		{"a*", "abc", true},
		{"a*", "ba", false},
		{"*c", "abc", true},
		{"a*c", "ac", true},
		{"a*c", "acb", false},
		{"?", "a", true},
		{"?", "", false},
		{"a?c*", "abcd", true},
		{"*ab*ab", "abxab", true},
		{"*ab*ab", "abab", true},
		{"*ab*ab", "aab", false},
		{"a**", "a", true},
	} {
		if got := match(tt.p, tt.s); got != tt.want {
			t.Errorf("%q matches %q: %v", tt.p, tt.s, got)
		}
	}
	if match(strings.Repeat("*a", 500), strings.Repeat("a", 5000)+"b") {
		t.Error("a long pattern")
	}
}
