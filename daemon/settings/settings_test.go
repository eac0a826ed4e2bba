package settings

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/conf/tomlconf"
	"github.com/spreadd/spreadd/internal/testkit/golden"
)

// write writes a settings file and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "spreadd.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestKeys: the schema and the table of keys that are checked in are those of Settings.
func TestKeys(t *testing.T) {
	docs := filepath.Join("..", "..", "docs")
	golden.File(t, filepath.Join(docs, "schema", "spreadd.schema.json"), tomlconf.Schema("settings file of spreadd", &Settings{}))
	golden.Section(t, filepath.Join(docs, "operate", "settings.md"),
		"<!-- keys: go test ./daemon/settings -run Keys -rewrite -->\n", "<!-- end of keys -->\n", tomlconf.KeyTable(&Settings{}))
}

// TestExample: the file that is documented as an example is read, and written back as the same.
func TestExample(t *testing.T) {
	s, _, err := Load(t.Context(), filepath.Join("..", "..", "docs", "operate", "examples", "spreadd.toml"))
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := Load(t.Context(), write(t, s.Format()))
	if err != nil || again.Format() != s.Format() {
		t.Errorf("the example is written as\n%sand read as\n%s%v", s.Format(), again.Format(), err)
	}
}

// TestMistakes: all mistakes are reported at once, each with its place and what was meant.
func TestMistakes(t *testing.T) {
	path := write(t, "sockets = 1\n[socket]\nmode = \"0999\"\nmod = \"0600\"\ndir = 4\n")
	_, _, err := Load(t.Context(), path)
	if _, ok := errors.AsType[conf.Errors](err); !ok {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{
		path + `:1:1: unknown key "sockets"; did you mean socket?`,
		path + `:3:1: mode: "0999" is not a mode; write it in octal, such as 0660`,
		path + `:4:1: unknown key "mod"; did you mean mode?`,
		path + `:5:1: dir must be a string, not a whole number`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in\n%v", want, err)
		}
	}
}

// serveTLS serves clients that need no certificate.
const serveTLS = "[tls]\nlisten = \":4804\"\ncertificate = \"/c\"\nkey = \"/k\"\n"

// TestEmptyConditions: a condition that lists nobody is a mistake, because a rule without it holds for
// everybody. So is one that nobody can meet, and an address that nothing can listen on.
func TestEmptyConditions(t *testing.T) {
	for text, want := range map[string]string{
		"[[allow]]\nuser = []\njoin = \"a\"\n":                                           ":2:1: user lists nothing; remove user",
		"[[allow]]\nidentity = []\njoin = \"a\"\n":                                       ":2:1: identity lists nothing",
		"[[allow]]\naddress = []\njoin = \"a\"\n":                                        ":2:1: address lists nothing",
		"[[allow]]\nmethod = []\njoin = \"a\"\n":                                         ":2:1: method lists nothing",
		"[[allow]]\njoin = \"a\"\nnames = []\n":                                          ":3:1: names lists nothing",
		"[[allow]]\njoin = []\nsend = []\n":                                              "",
		"[[allow]]\nsend = \"a\"\npublishers = []\n":                                     ":3:1: publishers lists nothing",
		"[[allow]]\njoin = \"a\"\npublishers = \"a\"\n":                                  ":3:1: publishers say under whose names",
		"[[allow]]\nsend = \"a\"\npublishers = [\"%{host}-*\", \"%{name}\"]\n":           ":3:28: \"%{name}\" has an unknown field; write %{identity} or %{host}",
		"[[allow]]\nsend = \"a\"\npublishers = [\"%{host}\", \"%{identity}*\", \"a\"]\n": "",
		"[[allow]]\nsend = \"a\"\nidentity = \"a\"\n":                                    ":3:1: this rule matches no client",
		serveTLS + "[[allow]]\nsend = \"a\"\nidentity = \"a\"\n":                         ":7:1: this rule matches no client",
		serveTLS + "client_ca = \"/ca\"\n[[allow]]\nsend = \"a\"\nidentity = \"a\"\n":    "",
		"http = \"99999\"\n":                                                             ":1:1: http: \"99999\" is not an address with a port",
		"http = \"\"\n":                                                                  "",
	} {
		_, _, err := Load(t.Context(), write(t, text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// TestNoSuchFile: a file that was named must exist.
func TestNoSuchFile(t *testing.T) {
	if _, _, err := Load(t.Context(), filepath.Join(t.TempDir(), "none.toml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestRanges: an address is a range of one, and IPv4 in the form of IPv6 is IPv4, as it is for clients.
func TestRanges(t *testing.T) {
	for text, want := range map[string]string{
		"10.1.2.3": "10.1.2.3/32", "10.1.2.3/16": "10.1.0.0/16", "fe80::1%eth0": "fe80::1/128",
		"::ffff:10.1.2.3": "10.1.2.3/32", "::ffff:10.1.2.3/112": "10.1.0.0/16", "::/0": "::/0", "10.1": "",
	} {
		var r Range
		if err := r.UnmarshalText([]byte(text)); (err == nil) != (want != "") || err == nil && r.String() != want {
			t.Errorf("%s is %s (%v), want %s", text, r, err, want)
		}
	}
}
