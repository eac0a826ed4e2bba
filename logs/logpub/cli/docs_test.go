package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/conf/tomlconf/tomlconftest"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/testkit"
)

var (
	codeBlock = regexp.MustCompile("(?s)```([a-z]*)\n(.*?)```")
	pipedLog  = regexp.MustCompile(`"\|+/usr/local/bin/logpub ([^"]*)"`)
)

// TestExamples: each configuration and each piped log of the documentation is in order.
func TestExamples(t *testing.T) {
	for _, tt := range []struct {
		page          string
		isTOML        func(text string) bool // whether a block is for logpub
		files, pipeds int                    // that are there at least
	}{
		{"logs/web-servers.md", func(string) bool { return true }, 4, 1},
		{"logs/migration.md", func(text string) bool { return strings.HasPrefix(text, "# /etc/logpub") }, 1, 2},
		{"logs/logpub.md", func(text string) bool { return strings.HasPrefix(text, "# /etc/logpub") }, 1, 1},
		{"../README.md", func(string) bool { return false }, 0, 1},
	} {
		doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", tt.page))
		if err != nil {
			t.Fatal(err)
		}
		check := func(args ...string) {
			t.Helper()
			var stdout, stderr testkit.Output
			if status := run(t.Context(), append(args, "-check"), strings.NewReader(""), &stdout, &stderr); status != flags.OK {
				t.Errorf("%s: logpub %q: status %d, %s", tt.page, args, status, &stderr)
			}
		}
		files := 0
		for _, m := range codeBlock.FindAllStringSubmatch(string(doc), -1) {
			if m[1] == "toml" && tt.isTOML(m[2]) {
				path := filepath.Join(t.TempDir(), "logpub.toml")
				writeFile(t, path, m[2])
				check("-config", path)
				files++
			}
		}
		pipeds := pipedLog.FindAllStringSubmatch(string(doc), -1)
		for _, m := range pipeds {
			check(strings.Fields(m[1])...)
		}
		if files < tt.files || len(pipeds) < tt.pipeds {
			t.Errorf("%s: found %d configurations and %d piped logs", tt.page, files, len(pipeds))
		}
	}
}

// TestKeys: the schema and the table of keys are those of File, and the schema takes the examples.
func TestKeys(t *testing.T) {
	schema := tomlconftest.File{
		Program: "logpub", Struct: &File{}, Root: "../../..", Package: "logs/logpub/cli", Page: "docs/logs/logpub.md",
	}.Check(t)
	schema.CheckTOML(t, whole)
	schema.CheckTOML(t, former)
	for _, page := range []string{"web-servers.md", "logpub.md", "migration.md"} {
		doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "logs", page))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range codeBlock.FindAllStringSubmatch(string(doc), -1) {
			if m[1] == "toml" && strings.Contains(m[2], "\n[[input]]") {
				schema.CheckTOML(t, m[2])
			}
		}
	}
	for _, bad := range []string{
		"", "[[input]]\nstdin = 1\n", "queue = \"64MB!\"\n[[input]]\n", "full = \"drop\"\n[[input]]\n", "dameon = \"4803\"\n[[input]]\n",
		"stats_interval = 5\n[[input]]\n", "type = 70000\n[[input]]\n", "[spool]\nfoo = 1\n[[input]]\n",
	} {
		if schema.Validate(bad) == nil {
			t.Errorf("the schema takes %q", bad)
		}
	}
}
