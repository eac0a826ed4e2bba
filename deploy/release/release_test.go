package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/spreadconf"
	"github.com/spreadd/spreadd/internal/testkit/testskip"
)

// sample has a command and a flag of each kind.
func sample() *flags.Set {
	c := flags.New(flags.Program{Name: "prog tail", Usage: []string{"GROUP..."}, About: "Shows groups. Until it ends."})
	c.Group("Output")
	c.Bool(new(bool), "json", "print JSON: it's for scripts [jq]")
	s := flags.New(flags.Program{Name: "prog", Usage: []string{"[-c FILE]"}, About: "Does things.", Examples: []flags.Example{{Args: "-c x", Text: "do it"}}})
	s.Commands = []*flags.Set{c}
	s.Group("Input")
	s.String(new(string), "c", "FILE", "configuration, .toml or \\n")
	s.String(new(string), "d", "DIR", "directory")
	s.Func("format", "gzip|zstd...", "compression", func(string) error { return nil })
	s.String(new(string), "n", "N", "number")
	return s
}

// TestBash: bash completes flags, commands, words and files.
func TestBash(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		testskip.Skip(t, "no bash")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "prog.bash"), []byte(bash(sample())), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"prog ta": "tail", "prog -fo": "-format", "prog -format z": "zstd", "prog -c prog": "prog.bash", "prog -n ": "",
		"prog tail -j": "-json", "prog tail -c": "", "prog -format ": "gzip zstd",
	} {
		script := `compopt() { :; }; . ./prog.bash; IFS=' '; COMP_WORDS=($1); [[ $1 == *' ' ]] && COMP_WORDS+=(''); unset IFS; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _prog; echo "${COMPREPLY[*]}"`
		c := exec.CommandContext(t.Context(), "bash", "-c", script, "bash", line)
		c.Dir = dir
		if got, err := c.CombinedOutput(); err != nil || strings.TrimSpace(string(got)) != want {
			t.Errorf("%q completes to %q, %v, want %q", line, got, err, want)
		}
	}
}

// TestShells: completion of all shells names every flag, and help texts end no string.
func TestShells(t *testing.T) {
	for shell, text := range map[string]string{"zsh": zsh(sample()), "fish": fish(sample())} {
		for _, want := range []string{"format", "json", "tail", "gzip zstd", "version"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %s:\n%s", shell, want, text)
			}
		}
	}
	if text := zsh(sample()); !strings.Contains(text, `'-json[print JSON\: it'\''s for scripts \[jq\]]'`) {
		t.Errorf("zsh:\n%s", text)
	}
	if text := fish(sample()); !strings.Contains(text, `-d 'print JSON: it\'s for scripts [jq]'`) {
		t.Errorf("fish:\n%s", text)
	}
}

func TestManPage(t *testing.T) {
	page := programPage(page{name: "prog", section: 1, summary: "do things", see: []string{"b 8", "z 1", "a 1"}}, sample(), "November 30, 2026")
	for _, want := range []string{
		".Dd November 30, 2026\n.Dt PROG 1\n.Os\n.Sh NAME\n.Nm prog\n.Nd do things\n",
		".Ss Input\n.Bl -tag -width Ds\n.It Fl c Ar FILE\nConfiguration, .toml or \\en.\n",
		"\n.It Fl format Ar gzip|zstd\nCompression; may be repeated.\n",
		".Ss prog tail\n.Dl prog tail GROUP...\n.Pp\nShows groups.\nUntil it ends.\n",
		".Sh EXAMPLES\nDo it:\n.Pp\n.Dl prog \\-c x\n",
		".Sh SEE ALSO\n.Xr a 1 ,\n.Xr z 1 ,\n.Xr b 8\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "'") || strings.HasPrefix(line, ". ") {
			t.Errorf("%q is a request", line)
		}
	}
}

// TestConfPage: the page of spread.conf has every option.
func TestConfPage(t *testing.T) {
	page, err := os.ReadFile("../packages/spread.conf.5")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := spreadconf.Describe(&b, spreadconf.Default(), nil, spreadconf.Detail{Defaults: true}); err != nil {
		t.Fatal(err)
	}
	options := regexp.MustCompile(`(?m)^ *([A-Z][A-Za-z]+)  +`).FindAllStringSubmatch(b.String(), -1)
	for _, m := range options {
		if !strings.Contains(string(page), m[1]) {
			t.Errorf("the page lacks %s", m[1])
		}
	}
	if len(options) < 20 {
		t.Errorf("only %d options found in\n%s", len(options), &b)
	}
}

// TestConfigurations: the configurations of packages and containers are right, and those of compose
// and Kubernetes name the addresses that their services have.
func TestConfigurations(t *testing.T) {
	read := func(path string) string {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	check := func(name, text string, daemons, warnings int) *spreadconf.Config {
		t.Helper()
		c, err := spreadconf.Parse(name, []byte(text), spreadconf.SystemEnvironment())
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for range c.Daemons() {
			n++
		}
		if n != daemons || len(c.Warnings) > warnings {
			t.Errorf("%s: %d daemons, want %d; warnings %v", name, n, daemons, c.Warnings)
		}
		return c
	}
	check("spread.conf", read("../packages/etc/spread/spread.conf"), 1, 1) // it serves this host alone
	compose := read("../docker/compose.yaml")
	for _, d := range check("docker", read("../docker/spread.conf"), 3, 0).Daemons() {
		if want := "  " + d.Name + ":\n    <<: *daemon\n    networks: {ring: {ipv4_address: " + d.Addr.String() + "}}\n"; !strings.Contains(compose, want) {
			t.Errorf("compose.yaml lacks\n%s", want)
		}
	}
	_, text, _ := strings.Cut(read("../kubernetes/spreadd.yaml"), "spread.conf: |\n")
	text, _, _ = strings.Cut(text, "---\n")
	check("kubernetes", text, 3, 0)
}
