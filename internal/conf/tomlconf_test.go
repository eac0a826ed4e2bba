package conf

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func parse(t *testing.T, src string) *Table {
	t.Helper()
	doc, err := Parse("x.toml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestValues(t *testing.T) {
	doc := parse(t, `
name = "a"
on = true
n = 7
part = 0.25
whole = 1
keep = "30d"
often = "90s"
size = "64MiB"
plain = 512
words = ["x", "y"]
word = "z"
[inner]
name = "b"
[[list]]
name = "c"
[[list]]
name = "d"
[list.deep]
name = "e"
`)
	list := doc.Tables("list")
	if len(list) != 2 {
		t.Fatalf("%d tables", len(list))
	}
	for _, tt := range []struct {
		what      string
		got, want any
	}{
		{"name", doc.String("name", ""), "a"},
		{"missing", doc.String("missing", "def"), "def"},
		{"on", doc.Bool("on", false), true},
		{"n", doc.Int("n", 0, 1, 9), 7},
		{"part", doc.Float("part", 0, 0, 1), 0.25},
		{"whole", doc.Float("whole", 0, 0, 1), 1.0},
		{"keep", doc.Duration("keep", 0), 30 * day},
		{"often", doc.Duration("often", 0), 90 * time.Second},
		{"size", doc.Bytes("size", 0, 0, 1<<40), int64(64 << 20)},
		{"plain", doc.Bytes("plain", 0, 0, 1<<40), int64(512)},
		{"words", strings.Join(doc.Strings("words"), " "), "x y"},
		{"word", strings.Join(doc.Strings("word"), " "), "z"},
		{"inner.name", doc.Table("inner").String("name", ""), "b"},
		{"list[0].name", list[0].String("name", ""), "c"},
		{"list[1].name", list[1].String("name", ""), "d"},
		{"list[1].deep.name", list[1].Table("deep").String("name", ""), "e"},
		{"list[0].deep", list[0].Table("deep") == nil, true},
		{"Has", doc.Has("nothing"), false},
	} {
		if tt.got != tt.want {
			t.Errorf("%s is %v, want %v", tt.what, tt.got, tt.want)
		}
	}
	if err := doc.Err(); err != nil {
		t.Error(err)
	}
}

// TestMistakes are all told, each with its place, in the order of the file.
func TestMistakes(t *testing.T) {
	doc := parse(t, `nam = "a"
n = "seven" # not a number
big = 10

[[log]]
group = "a"

  [[log]]
  Group = "b"
  keep = "forever"
  text = """
[[log]]
"""
  match = [
    "ok",
    7,
  ]
  list = [{ a = 1 }, { b = 2 },
    { "c" = 3 }]
[deep.er]
size = "12 parsecs"
`)
	doc.String("name", "")
	doc.Int("n", 0, 0, 9)
	doc.Int("big", 0, 0, 9)
	for _, l := range doc.Tables("log") {
		l.String("group", "")
		l.Duration("keep", 0)
		l.String("text", "")
		l.Strings("match")
		for _, in := range l.Tables("list") {
			in.Int("a", 0, 0, 9)
		}
	}
	doc.Table("deep").Table("er").Bytes("size", 0, 0, 1)
	err := doc.Err()
	want := []string{
		`x.toml:1:1: unknown key "nam"; did you mean name?`,
		`x.toml:2:1: n has to be a whole number, not a string`,
		`x.toml:3:1: big is 10, which is not in 0 to 9`,
		`x.toml:9:3: unknown key "Group"; did you mean group?`,
		`x.toml:10:3: keep: "forever" is not a duration; write `,
		`x.toml:16:5: match has to be a list of strings, and here is a whole number`,
		`x.toml:18:24: unknown key "b"; known here: a`,
		`x.toml:19:7: unknown key "c"; known here: a`,
		`x.toml:21:1: size: "12 parsecs" is not a size; write `,
	}
	errs, ok := errors.AsType[Errors](err)
	if !ok || len(errs) != len(want) {
		t.Fatalf("%d mistakes, want %d:\n%v", len(errs), len(want), err)
	}
	for i, e := range errs {
		if !strings.HasPrefix(e.Error(), want[i]) {
			t.Errorf("mistake %d is %q, want %q", i, e, want[i])
		}
	}
}

func TestGrammar(t *testing.T) {
	for src, want := range map[string]string{
		"a = 1\nb = \n":    "x.toml:2:",
		"a = 1\na = 2\n":   "x.toml:2:",
		"[x\n":             "x.toml:2:",
		"a = \"\xff\"\n":   "x.toml:1:",
		"x = [1,\n2\n\ny=": "x.toml:",
	} {
		if _, err := Parse("x.toml", []byte(src)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}

func TestWrongTypes(t *testing.T) {
	doc := parse(t, "a = [1]\nb = 1979-05-27\nc = { x = 1.5 }\nd = true\ne = nan\nf = -1\ng = \"-1s\"\nh = [1]\n")
	doc.String("a", "")
	doc.Bytes("b", 0, 0, 1)
	doc.Duration("c", 0)
	doc.Tables("d")
	doc.Float("e", 0, 0, 1)
	doc.Bytes("f", 0, 0, 10)
	doc.Duration("g", 0)
	doc.Tables("h")
	want := []string{
		"a has to be a string, not a list", "b has to be a number of bytes", "c has to be a time", "d has to be a list of tables, not true or false",
		"e is NaN", "f is -1", "g: \"-1s\" is not a duration", "h has to be a list of tables, and here is a whole number",
	}
	errs, _ := errors.AsType[Errors](doc.Err())
	if len(errs) != len(want) {
		t.Fatalf("mistakes are\n%v", errs)
	}
	for i, e := range errs {
		if !strings.HasPrefix(e.Problem, want[i]) || e.Pos.Line != i+1 {
			t.Errorf("mistake %d is %q, want %q", i, e, want[i])
		}
	}
}

func TestChoice(t *testing.T) {
	doc := parse(t, "a = \"x\"\nb = \"q\"\n")
	if got := doc.Choice("a", "", "x", "y"); got != "x" {
		t.Errorf("a is %q", got)
	}
	if got := doc.Choice("b", "y", "x", "y"); got != "y" {
		t.Errorf("b is %q", got)
	}
	if err := doc.Err(); err == nil || err.Error() != `x.toml:2:1: b is "q", and has to be one of x, y` {
		t.Error(err)
	}
}

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
		if got := parse(t, "a = "+Quote(s)).String("a", "?"); got != s {
			t.Errorf("%q is written %s and read %q", s, Quote(s), got)
		}
	}
	if got := parse(t, "a = "+QuoteList(texts)).Strings("a"); !slices.Equal(got, texts) {
		t.Errorf("the list is read as %q", got)
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
		findPlaces("x.toml", src) // ends, whatever it is
		doc, err := Parse("x.toml", []byte(src))
		if err != nil || strings.ContainsAny(src, `\`) { // escaped keys have places of their own spelling
			return
		}
		for key := range doc.values {
			if strings.ContainsAny(key, ".[]\"'") || key == "" {
				continue
			}
			if pos := doc.Pos(key); pos.Line < 1 || pos.Line > strings.Count(src, "\n")+1 || pos.Col < 1 {
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
	doc := parse(t, string(src))
	checked := 0
	var walk func(tab *Table)
	walk = func(tab *Table) {
		for key, v := range tab.values {
			switch v := v.(type) {
			case int64:
				checked++
				if pos := tab.Pos(key); pos.Line != int(v) {
					t.Errorf("%s.%s stands on line %d, found on %d", tab.path, key, v, pos.Line)
				}
			case map[string]any:
				walk(tab.Table(key))
			case []map[string]any:
				for _, in := range tab.Tables(key) {
					walk(in)
				}
			case []any:
				if _, ok := v[0].(map[string]any); ok {
					for _, in := range tab.Tables(key) {
						walk(in)
					}
				}
			}
		}
	}
	walk(doc)
	if checked < 15 {
		t.Errorf("only %d values checked", checked)
	}
}
