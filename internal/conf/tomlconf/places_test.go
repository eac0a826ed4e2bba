package tomlconf

import (
	"os"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/spreadd/spreadd/internal/testkit/blind"
)

// TestQuote: what is written is read back.
func TestQuote(t *testing.T) {
	texts := []string{"", "plain", `\.php$`, `it's "both" \ `, "tab\tnewline\nbell\a\x7f", `"q"`, "'", "ü"}
	for _, s := range texts {
		if got := decode(t, "a = "+Quote(s))["a"]; got != s {
			t.Errorf("%q is written %s and read %q", s, Quote(s), got)
		}
	}
}

// FuzzPlaces: every key that the decoder finds has a place.
func FuzzPlaces(f *testing.F) {
	src, err := os.ReadFile("testdata/all.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(src))
	f.Add("a.b.c = 1\n[x]\ny.z = {q = [[1], {r = 's'}]}\n")
	blind.Fuzz(f, func(t *testing.T, src string) {
		places := findPlaces("x.toml", src) // ends, whatever it is
		var values map[string]any
		if _, err := toml.Decode(src, &values); err != nil || strings.ContainsAny(src, `\`) { // escaped keys have places of their own spelling
			return
		}
		for key := range values {
			if strings.ContainsAny(key, ".[]\"'") || key == "" {
				continue
			}
			if pos := places[child("", key)]; pos.Line < 1 || pos.Line > strings.Count(src, "\n")+1 || pos.Col < 1 {
				t.Errorf("%q has the place %v", key, pos)
			}
		}
	})
}

// TestPlacesOfAll: each value of a document is the line that it stands on.
func TestPlacesOfAll(t *testing.T) {
	src, err := os.ReadFile("testdata/all.toml")
	if err != nil {
		t.Fatal(err)
	}
	places := findPlaces("all.toml", string(src))
	checked := 0
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case int64:
			checked++
			if pos := places[path]; pos.Line != int(v) {
				t.Errorf("%s stands on line %d, found on %d", path, v, pos.Line)
			}
		case map[string]any:
			for key, in := range v {
				walk(child(path, key), in)
			}
		case []map[string]any:
			for i, in := range v {
				walk(element(path, i), in)
			}
		case []any:
			for i, in := range v {
				if _, ok := in.(map[string]any); ok {
					walk(element(path, i), in)
				}
			}
		}
	}
	walk("", decode(t, string(src)))
	if checked < 15 {
		t.Errorf("only %d values checked", checked)
	}
}

func decode(t *testing.T, src string) map[string]any {
	t.Helper()
	var values map[string]any
	if _, err := toml.Decode(src, &values); err != nil {
		t.Fatal(err)
	}
	return values
}
