package logsub

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/conf/tomlconf/tomlconftest"
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

// TestKeys: the schema and the table of keys are those of File, and the schema takes the examples.
func TestKeys(t *testing.T) {
	schema := tomlconftest.File{
		Program: "logsub", Struct: &File{}, Root: "../..", Package: "logs/logsub", Page: "docs/logs/logsub.md",
	}.Check(t)
	schema.CheckTOML(t, read(t, filepath.Join("testdata", "all.toml")))
	schema.CheckTOML(t, "buffer_size = 5\nbatch_bytes = \"1MiB\"\nspool = \"/s\"\nspool_bytes = 9999999\nlog = { group = \"a\", file = \"/a\" }\n")
	for block := range strings.SplitSeq(read(t, filepath.Join("..", "..", "docs", "logs", "logsub.md")), "\n```") {
		if text, ok := strings.CutPrefix(block, "toml\n"); ok {
			schema.CheckTOML(t, text+"\n")
		}
	}
	for _, bad := range []string{
		"", "[[log]]\nfile = \"/a\"\n", "lock = 1\n[[log]]\ngroup = \"a\"\n", "[[log]]\ngroup = \"a\"\nclock = \"sundial\"\n",
		"[[log]]\ngroup = \"a\"\n[log.sql]\ndriver = \"mysql\"\ncolumns = { a = \"lime\" }\n", "open_files = 0\n[[log]]\ngroup = \"a\"\n",
	} {
		if schema.Validate(bad) == nil {
			t.Errorf("the schema takes %q", bad)
		}
	}
}

// TestSharedKeys: keys at the top of the files of logpub and logsub that have one name take the same values.
func TestSharedKeys(t *testing.T) {
	properties := func(program string) map[string]map[string]any {
		var s struct{ Properties map[string]map[string]any }
		if err := json.Unmarshal([]byte(read(t, filepath.Join("..", "..", "docs", "schema", program+".schema.json"))), &s); err != nil {
			t.Fatal(err)
		}
		return s.Properties
	}
	logpub := properties("logpub")
	shared := 0
	for key, a := range properties("logsub") {
		b, ok := logpub[key]
		if !ok || a["deprecated"] != nil || key == "spool" || key == "daemon" { // a table of its own, and a list there
			continue
		}
		shared++
		if !reflect.DeepEqual(a["type"], b["type"]) || !reflect.DeepEqual(a["anyOf"], b["anyOf"]) || a["pattern"] != b["pattern"] {
			t.Errorf("%s is %v in logsub and %v in logpub", key, a, b)
		}
	}
	if shared < 3 {
		t.Errorf("only %d shared keys", shared)
	}
}
