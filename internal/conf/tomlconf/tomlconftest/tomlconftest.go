package tomlconftest

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/spreadd/spreadd/internal/conf/tomlconf"
	"github.com/spreadd/spreadd/internal/testkit/golden"
)

// File is a configuration file and what is checked in about it.
type File struct {
	Program string
	Struct  any    // a pointer to the struct
	Root    string // of the repository, relative to the directory of the test
	Package string // the test's, below Root
	Page    string // the page with the table of keys, below Root
}

// Check fails unless the schema docs/schema/PROGRAM.schema.json and the table of keys are those of
// the struct. With -rewrite it writes them. It returns the schema.
func (f File) Check(t *testing.T) Schema {
	t.Helper()
	text := tomlconf.Schema("configuration file of "+f.Program, f.Struct)
	golden.File(t, filepath.Join(f.Root, "docs", "schema", f.Program+".schema.json"), string(text))
	begin := "<!-- keys: go test ./" + f.Package + " -run Keys -rewrite -->\n"
	golden.Section(t, filepath.Join(f.Root, filepath.FromSlash(f.Page)), begin, "<!-- end of keys -->\n", tomlconf.KeyTable(f.Struct))
	var s Schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// Schema is a JSON schema, with the keywords that package tomlconf uses.
type Schema struct {
	Type        any               `json:"type"` // a string or a list of them
	Description string            `json:"description"`
	Enum        []string          `json:"enum"`
	Pattern     string            `json:"pattern"`
	Minimum     *float64          `json:"minimum"`
	Maximum     *float64          `json:"maximum"`
	AnyOf       []Schema          `json:"anyOf"`
	Items       *Schema           `json:"items"`
	Properties  map[string]Schema `json:"properties"`
	Additional  json.RawMessage   `json:"additionalProperties"` // false or a schema
	Required    []string          `json:"required"`
}

// CheckTOML fails unless a document in TOML is valid.
func (s Schema) CheckTOML(t *testing.T, text string) {
	t.Helper()
	if err := s.Validate(text); err != nil {
		t.Errorf("%v, in\n%s", err, text)
	}
}

// Validate returns why a document in TOML is not valid.
func (s Schema) Validate(text string) error {
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

func (s Schema) validate(path string, v any) error {
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

func (s Schema) validateObject(path string, v map[string]any) error {
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

func (s Schema) hasType(v any) bool {
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
