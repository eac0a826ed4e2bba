package logsub

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/conf/tomlconf"
	"github.com/spreadd/spreadd/internal/testkit/golden"
)

// TestExamples: all configurations that docs/logs/logsub.md shows are right.
func TestExamples(t *testing.T) {
	n := 0
	for block := range strings.SplitSeq(read(t, filepath.Join("..", "..", "docs", "logs", "logsub.md")), "\n```") {
		text, ok := strings.CutPrefix(block, "toml\n")
		if !ok {
			continue
		}
		n++
		cfg, _, err := ParseTOML("logging.md", []byte(text+"\n"))
		if err == nil {
			err = cfg.Check()
		}
		if err != nil {
			t.Errorf("%v, in\n%s", err, text)
		}
	}
	if n < 4 {
		t.Errorf("only %d are there", n)
	}
}

// TestDocumentation: the configuration that docs/logs/logsub.md shows is one, and
// has every key that there is.
func TestDocumentation(t *testing.T) {
	_, text, ok := strings.Cut(read(t, filepath.Join("..", "..", "docs", "logs", "logsub.md")), "```toml\n")
	text, _, ok2 := strings.Cut(text, "```")
	if !ok || !ok2 {
		t.Fatal("there is none")
	}
	cfg, _, err := ParseTOML("logging.md", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.Check(); err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(read(t, filepath.Join("testdata", "all.toml"))) {
		if key, _, ok := strings.Cut(line, " = "); ok && !strings.HasPrefix(key, " ") && !strings.Contains(text, "\n"+key+" = ") && !strings.HasPrefix(text, key+" = ") {
			t.Errorf("the key %s is not shown", key)
		}
	}
}

// TestKeys: the schema and the table of keys that are checked in are those of File.
func TestKeys(t *testing.T) {
	docs := filepath.Join("..", "..", "docs")
	golden.File(t, filepath.Join(docs, "schema", "logsub.schema.json"), tomlconf.Schema("configuration file of logsub", &File{}))
	golden.Section(t, filepath.Join(docs, "logs", "logsub.md"),
		"<!-- keys: go test ./logs/logsub -run Keys -rewrite -->\n", "<!-- end of keys -->\n", tomlconf.KeyTable(&File{}))
}
