package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/conf/tomlconf"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/golden"
)

var (
	codeBlock = regexp.MustCompile("(?s)```([a-z]*)\n(.*?)```")
	pipedLog  = regexp.MustCompile(`"\|+/usr/(?:local/)?bin/logpub ([^"]*)"`)
)

// TestExamples: each configuration and each piped log of the documentation is in order.
func TestExamples(t *testing.T) {
	for _, tt := range []struct {
		page          string
		isTOML        func(text string) bool // whether a block is for logpub
		files, pipeds int                    // that are there at least
	}{
		{"logs/web-servers.md", func(text string) bool { return strings.HasPrefix(text, "# /etc/spread/logpub") }, 3, 2},
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

// TestKeys: the schema and the table of keys that are checked in are those of File.
func TestKeys(t *testing.T) {
	docs := filepath.Join("..", "..", "..", "docs")
	golden.File(t, filepath.Join(docs, "schema", "logpub.schema.json"), tomlconf.Schema("configuration file of logpub", &File{}))
	golden.Section(t, filepath.Join(docs, "logs", "logpub.md"),
		"<!-- keys: go test ./logs/logpub/cli -run Keys -rewrite -->\n", "<!-- end of keys -->\n", tomlconf.KeyTable(&File{}))
}
