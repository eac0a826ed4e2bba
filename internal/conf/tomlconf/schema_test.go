package tomlconf

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

var docs = filepath.Join("..", "..", "..", "docs")

// readSchema reads a schema that is checked in.
func readSchema(t *testing.T, program string) (s schemaDoc) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(docs, "schema", program+".schema.json"))
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemas: the schemas of logpub and logsub accept each example of the documentation, and former
// names; and reject what has mistakes.
func TestSchemas(t *testing.T) {
	logpub, logsub := readSchema(t, "logpub"), readSchema(t, "logsub")
	pages, err := filepath.Glob(filepath.Join(docs, "logs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	for _, page := range pages {
		doc, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(string(doc), -1) {
			schema := logsub
			if strings.Contains(m[1], "\n[[input]]") {
				schema = logpub
			} else if !strings.Contains("\n"+m[1], "\n[[log]]") {
				continue // a part of a file
			}
			examples++
			if err := schema.valid(m[1]); err != nil {
				t.Errorf("%s: %v, in\n%s", page, err, m[1])
			}
		}
	}
	if examples < 10 {
		t.Errorf("only %d examples", examples)
	}
	for text, s := range map[string]schemaDoc{
		"daemons = [\"1\"]\nqueue_bytes = 9\nstats = \"-1s\"\n[spool]\nbytes = 9\nafter = \"1s\"\n[[input]]\n":               logpub,
		"buffer_size = 5\nbatch_bytes = \"1MiB\"\nspool = \"/s\"\nspool_bytes = 9\nlog = { group = \"a\", file = \"/a\" }\n": logsub,
	} {
		if err := s.valid(text); err != nil {
			t.Errorf("%v, in\n%s", err, text)
		}
	}
	for _, bad := range []string{
		"", "[[input]]\nstdin = 1\n", "queue = \"64MB!\"\n[[input]]\n", "full = \"drop\"\n[[input]]\n", "dameon = \"4803\"\n[[input]]\n",
		"stats_interval = 5\n[[input]]\n", "type = 70000\n[[input]]\n", "[spool]\nfoo = 1\n[[input]]\n",
	} {
		if logpub.valid(bad) == nil {
			t.Errorf("the schema of logpub accepts %q", bad)
		}
	}
	for _, bad := range []string{
		"", "[[log]]\nfile = \"/a\"\n", "lock = 1\n[[log]]\ngroup = \"a\"\n", "[[log]]\ngroup = \"a\"\nclock = \"sundial\"\n",
		"[[log]]\ngroup = \"a\"\n[log.sql]\ndriver = \"mysql\"\ncolumns = { a = \"lime\" }\n", "open_files = 0\n[[log]]\ngroup = \"a\"\n",
	} {
		if logsub.valid(bad) == nil {
			t.Errorf("the schema of logsub accepts %q", bad)
		}
	}
}

// TestSharedKeys: keys at the top of the files of logpub and logsub that have one name take the same
// values.
func TestSharedKeys(t *testing.T) {
	logpub, shared := readSchema(t, "logpub"), 0
	for key, a := range readSchema(t, "logsub").Properties {
		b, ok := logpub.Properties[key]
		if !ok || a.Deprecated || key == "spool" || key == "daemon" { // a table of its own, and a list there
			continue
		}
		shared++
		if !reflect.DeepEqual(a.Type, b.Type) || !reflect.DeepEqual(a.AnyOf, b.AnyOf) || a.Pattern != b.Pattern {
			t.Errorf("%s is %v in logsub and %v in logpub", key, a, b)
		}
	}
	if shared < 3 {
		t.Errorf("only %d shared keys", shared)
	}
}

// schemaDoc is a JSON schema, with the keywords that [Schema] uses.
type schemaDoc struct {
	Type       any                  `json:"type"` // a string or a list of them
	Deprecated bool                 `json:"deprecated"`
	Enum       []string             `json:"enum"`
	Pattern    string               `json:"pattern"`
	Minimum    *float64             `json:"minimum"`
	Maximum    *float64             `json:"maximum"`
	AnyOf      []schemaDoc          `json:"anyOf"`
	AllOf      []schemaDoc          `json:"allOf"`
	OneOf      []schemaDoc          `json:"oneOf"`
	Items      *schemaDoc           `json:"items"`
	Properties map[string]schemaDoc `json:"properties"`
	Additional json.RawMessage      `json:"additionalProperties"` // false or a schema
	Required   []string             `json:"required"`
}

// valid returns why a document in TOML is not valid.
func (s schemaDoc) valid(text string) error {
	var values map[string]any
	if _, err := toml.Decode(text, &values); err != nil {
		return err
	}
	b, err := json.Marshal(values) // into the types of JSON
	if err != nil {
		return err
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	return s.validate("", v)
}

func (s schemaDoc) validate(path string, v any) error {
	if len(s.AnyOf) > 0 {
		var last error
		for _, one := range s.AnyOf {
			if last = one.validate(path, v); last == nil {
				return nil
			}
		}
		return last
	}
	if !s.hasType(v) {
		return fmt.Errorf("%s: %v is not of type %v", path, v, s.Type)
	}
	switch v := v.(type) {
	case string:
		if s.Enum != nil && !slices.Contains(s.Enum, v) {
			return fmt.Errorf("%s: %q is not one of %q", path, v, s.Enum)
		}
		if !regexp.MustCompile(s.Pattern).MatchString(v) {
			return fmt.Errorf("%s: %q does not match %s", path, v, s.Pattern)
		}
	case float64:
		if s.Minimum != nil && v < *s.Minimum || s.Maximum != nil && v > *s.Maximum {
			return fmt.Errorf("%s: %v is out of range", path, v)
		}
	case []any:
		for i, in := range v {
			if err := s.Items.validate(fmt.Sprintf("%s[%d]", path, i), in); err != nil {
				return err
			}
		}
	case map[string]any:
		return s.validateObject(path, v)
	}
	return nil
}

func (s schemaDoc) validateObject(path string, v map[string]any) error {
	for _, all := range s.AllOf {
		given := 0
		for _, one := range all.OneOf {
			if _, ok := v[one.Required[0]]; ok {
				given++
			}
		}
		if given != 1 {
			return fmt.Errorf("%s: %d of the keys of which one is wanted", path, given)
		}
	}
	for _, key := range s.Required {
		if _, ok := v[key]; !ok {
			return fmt.Errorf("%s: no %s", path, key)
		}
	}
	for key, in := range v {
		one, ok := s.Properties[key]
		if !ok {
			if err := json.Unmarshal(s.Additional, &one); err != nil {
				return fmt.Errorf("%s: %s is not known", path, key)
			}
		}
		if err := one.validate(path+"."+key, in); err != nil {
			return err
		}
	}
	return nil
}

func (s schemaDoc) hasType(v any) bool {
	var types []any
	switch t := s.Type.(type) {
	case []any:
		types = t
	default:
		types = []any{t}
	}
	for _, name := range types {
		ok := false
		switch v := v.(type) {
		case string:
			ok = name == "string"
		case bool:
			ok = name == "boolean"
		case float64:
			ok = name == "number" || name == "integer" && v == float64(int64(v))
		case []any:
			ok = name == "array"
		case map[string]any:
			ok = name == "object"
		}
		if ok {
			return true
		}
	}
	return false
}
