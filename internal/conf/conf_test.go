package conf

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
)

// TestFormats: what is written is read back.
func TestFormats(t *testing.T) {
	for _, d := range []time.Duration{0, time.Millisecond, time.Second, 90 * time.Second, 10 * time.Minute, time.Hour, day, 30 * day, day + time.Minute, 100 * time.Minute} {
		if got, err := ParseDuration(Duration(d).String()); err != nil || got != d {
			t.Errorf("%v is written %q and read %v, %v", d, Duration(d), got, err)
		}
	}
	for _, n := range []Size{0, 1, 1000, 1 << 10, 1<<10 + 1, 64 << 20, 3 << 30, 1 << 40} {
		if got, err := ParseSize(n.String()); err != nil || got != n {
			t.Errorf("%d is written %q and read %v, %v", n, n, got, err)
		}
	}
	for _, s := range []string{"", "-1", "1XB", "99999999999GiB", "MiB"} {
		if n, err := ParseSize(s); err == nil {
			t.Errorf("%q is read as %d", s, n)
		}
	}
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
	f.Fuzz(func(t *testing.T, src string) {
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

func TestSuggest(t *testing.T) {
	known := []string{"file", "group", "queue", "stats_interval", "rewrite_time"}
	for word, want := range map[string]string{
		"File": "file", "statsinterval": "stats_interval", "stats-interval": "stats_interval", "fil": "file", "grup": "group", "ququee": "",
		"rewirte_time": "rewrite_time", "xy": "", "": "", "color": "",
	} {
		if got := Suggest(word, known); got != want {
			t.Errorf("%q may mean %q, want %q", word, got, want)
		}
	}
}
