package tomlconf

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/testkit/blind"
)

// sample has a key of each kind.
type sample struct {
	Name  string            `toml:"name" default:"def" help:"name of it"`
	On    bool              `toml:"on" default:"true"`
	N     int               `toml:"n" min:"1" max:"9" default:"3"`
	Small int16             `toml:"small" min:"-32768" max:"32767"`
	Part  float64           `toml:"part" min:"0" max:"1"`
	Keep  conf.Duration     `toml:"keep" default:"1m" old:"hold"`
	Size  conf.Size         `toml:"size" min:"1KiB" default:"64MiB" old:"size_bytes"`
	Clock string            `toml:"clock" enum:"agreed,line,receipt" default:"agreed"`
	Words []string          `toml:"words" old:"wordz"`
	When  upper             `toml:"when"`
	Names map[string]string `toml:"names" enum:"x,y"`
	Inner inner             `toml:"inner" old:"inner=name inner_bytes=bytes"`
	Deep  *inner            `toml:"deep"`
	List  []inner           `toml:"list"`
	Short []inner           `toml:"short" inline:"true"`
}

type inner struct {
	Name  string    `toml:"name"`
	Bytes conf.Size `toml:"bytes" default:"1KiB"`
	More  []inner   `toml:"more"`
}

func (in *inner) Check(t *Table) {
	if in.Name == "bad" {
		t.Errorf("name", "choose another", "name is %q", in.Name)
	}
	if t.Has("bytes") && !t.Has("name") {
		t.Errorf("", "", "bytes without a name")
	}
}

// upper is a text in capitals.
type upper string

func (u *upper) UnmarshalText(b []byte) error {
	if string(b) != strings.ToUpper(string(b)) {
		return errors.New("want capitals")
	}
	*u = upper(b)
	return nil
}

func (u upper) MarshalText() ([]byte, error) { return []byte(u), nil }

const sampleText = `name = "a"
on = false
n = 7
small = -3
part = 0.25
keep = "30d"
size = "1MiB"
clock = "line"
words = ["x", "y"]
when = "NOW"
names = { "a b" = "x", b = "y" }
short = [
  { name = "s" },
  { bytes = 5, name = "t" },
]

[inner]
name = "b"
bytes = 512

[deep]
name = "e"

[[list]]
name = "c"

[[list]]
name = "d"

[[list.more]]
name = "f"
`

func sampleValue() sample {
	return sample{
		Name: "a", N: 7, Small: -3, Part: 0.25, Keep: conf.Duration(30 * 24 * time.Hour), Size: 1 << 20, Clock: "line", Words: []string{"x", "y"}, When: "NOW",
		Names: map[string]string{"a b": "x", "b": "y"}, Inner: inner{Name: "b", Bytes: 512}, Deep: &inner{Name: "e", Bytes: 1024},
		List:  []inner{{Name: "c", Bytes: 1024}, {Name: "d", Bytes: 1024, More: []inner{{Name: "f", Bytes: 1024}}}},
		Short: []inner{{Name: "s", Bytes: 1024}, {Name: "t", Bytes: 5}},
	}
}

func TestRead(t *testing.T) {
	var got sample
	if warnings, err := Read("x.toml", []byte(sampleText), &got); err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if want := sampleValue(); !reflect.DeepEqual(got, want) {
		t.Errorf("read as\n%+v\nwant\n%+v", got, want)
	}
	// What is written reads back to the same.
	text := Format(&got)
	if want := strings.Replace(sampleText, "bytes = 5, name = \"t\"", "name = \"t\", bytes = 5", 1); text != want {
		t.Errorf("written as\n%s\nwant\n%s", text, want)
	}
}

// TestByteOrderMark: a byte order mark in front is skipped, and places do not count it.
func TestByteOrderMark(t *testing.T) {
	var v struct {
		A int `toml:"a" max:"3" help:"a"`
	}
	if _, err := Read("f", []byte("\ufeffa = 2\n"), &v); err != nil || v.A != 2 {
		t.Errorf("%d, %v", v.A, err)
	}
	_, err := Read("f", []byte("\ufeffb = 4\n"), &v)
	if err == nil || !strings.Contains(err.Error(), "f:1:1: ") {
		t.Errorf("a mistake: %v", err)
	}
}

func TestDefaults(t *testing.T) {
	var got sample
	if _, err := Read("x.toml", nil, &got); err != nil {
		t.Fatal(err)
	}
	want := sample{Name: "def", On: true, N: 3, Keep: conf.Duration(time.Minute), Size: 64 << 20, Clock: "agreed", Inner: inner{Bytes: 1024}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read as\n%+v\nwant\n%+v", got, want)
	}
	if text := Format(&got); text != "" {
		t.Errorf("written as %q", text)
	}
}

// TestOldBool: a key that was true or false gives way to one with words.
func TestOldBool(t *testing.T) {
	type file struct {
		Plain bool   `toml:"plain" old:"fancy" oldfalse:"true"`
		Level string `toml:"level" enum:"low,high" old:"strict" oldfalse:"low" oldtrue:"high"`
	}
	for src, tt := range map[string]struct {
		want     file
		warnings string
		err      string
	}{
		"fancy = false\nstrict = true":   {file{true, "high"}, "x.toml:1:1: warning: fancy = false is now plain = true x.toml:2:1: warning: strict = true is now level = \"high\"", ""},
		"fancy = true\nstrict = false":   {file{false, "low"}, "x.toml:1:1: warning: fancy = true is the default now: remove it x.toml:2:1: warning: strict = false is now level = \"low\"", ""},
		"strict = true\nlevel = \"low\"": {err: "x.toml:1:1: strict is the former name of level, and both are set; remove strict"},
		"strict = \"high\"":              {file{false, "high"}, "x.toml:1:1: warning: strict is now called level", ""},
		"strict = 3":                     {err: "x.toml:1:1: level must be a string, not a whole number"},
	} {
		var got file
		warnings, err := Read("x.toml", []byte(src), &got)
		texts := make([]string, len(warnings))
		for i, w := range warnings {
			texts[i] = w.String()
		}
		if tt.err != "" {
			if err == nil || err.Error() != tt.err {
				t.Errorf("%s: error %v, want %s", src, err, tt.err)
			}
		} else if err != nil || got != tt.want || strings.Join(texts, " ") != tt.warnings {
			t.Errorf("%s: read as %+v, warnings %q, error %v", src, got, texts, err)
		}
	}
}

// TestOneForAList: a single value stands for a list of one.
func TestOneForAList(t *testing.T) {
	var got sample
	if _, err := Read("x.toml", []byte("words = \"z\"\npart = 1\nlist = { name = \"c\" }\n"), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Words) != 1 || got.Words[0] != "z" || len(got.List) != 1 || got.List[0].Name != "c" || got.Part != 1 {
		t.Errorf("read as %+v", got)
	}
}

// wantErrors reads a document and expects mistakes that begin with these texts, in this order.
func wantErrors(t *testing.T, src string, want ...string) {
	t.Helper()
	var v sample
	_, err := Read("x.toml", []byte(src), &v)
	errs, ok := errors.AsType[conf.Errors](err)
	if !ok || len(errs) != len(want) {
		t.Fatalf("%d mistakes, want %d:\n%v", len(errs), len(want), err)
	}
	for i, e := range errs {
		if !strings.HasPrefix(e.Error(), want[i]) {
			t.Errorf("mistake %d is %q, want %q", i, e, want[i])
		}
	}
}

// TestMistakes are all reported, each with its place, in the order of the file.
func TestMistakes(t *testing.T) {
	wantErrors(t, `nam = "a"
n = "seven" # not a number
small = 40000
part = nan
keep = "forever"
size = "1"
clock = "sundial"
when = "now"
words = [
  "ok",
  7,
]
names = { a = "x", b = "z" }
short = [{ name = "a" }, { bytes = 1 },
  { "c" = 3 }]
[[list]]
  Name = "b"
  text = """
[[list]]
"""
[[list.more]]
name = "bad"
[deep.er]
`,
		`x.toml:1:1: unknown key "nam"; did you mean name?`,
		`x.toml:2:1: n must be a whole number, not a string`,
		`x.toml:3:1: small is 40000, want -32768 to 32767`,
		`x.toml:4:1: part is NaN, want 0 to 1`,
		`x.toml:5:1: keep: "forever" is not a duration; write `,
		`x.toml:6:1: size is 1, want at least 1KiB`,
		`x.toml:7:1: clock is "sundial", want agreed, line or receipt`,
		`x.toml:8:1: when: want capitals`,
		`x.toml:11:3: words must be a list of strings, not a whole number`,
		`x.toml:13:20: names.b is "z", want x or y`,
		`x.toml:14:26: bytes without a name`,
		`x.toml:15:5: unknown key "c"; known here: name, bytes, more`,
		`x.toml:17:3: unknown key "Name"; did you mean name?`,
		`x.toml:18:3: unknown key "text"; known here: name, bytes, more`,
		`x.toml:22:1: name is "bad"; choose another`,
		`x.toml:23:1: unknown key "er"; known here: name, bytes, more`,
	)
}

func TestWrongTypes(t *testing.T) {
	wantErrors(t, "name = [1]\nsize = 1979-05-27\nkeep = { x = 1.5 }\nlist = true\nn = -1\nhold = 5\nshort = [1]\nwords = 1\nnames = 1\ninner = 1\non = 1\n",
		"x.toml:1:1: name must be a string, not a list", "x.toml:2:1: size must be a size such as \"64MiB\", not a date",
		"x.toml:3:1: keep must be a duration such as \"30s\", not a table", "x.toml:4:1: list must be a list of tables, not true or false",
		"x.toml:5:1: n is -1, want 1 to 9", "x.toml:6:1: hold is the former name of keep, and both are set",
		"x.toml:7:10: short must be a list of tables, not a whole number", "x.toml:8:1: words must be a list of strings, not a whole number",
		"x.toml:9:1: names must be a table, not a whole number", "x.toml:10:1: name must be a string, not a whole number",
		"x.toml:11:1: on must be true or false, not a whole number")
}

func TestRequired(t *testing.T) {
	var v struct {
		Logs []struct {
			Group string `toml:"group" required:"true" help:"name of the group"`
		} `toml:"log" required:"true" help:"a log"`
	}
	for src, want := range map[string]string{
		"":            "x.toml: missing [[log]]; add a log",
		"\n[[log]]\n": `x.toml:2:1: missing key "group"; add the name of the group`,
	} {
		if _, err := Read("x.toml", []byte(src), &v); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}

// TestFormerNames: each warns of the name of today, and zero means the default there.
func TestFormerNames(t *testing.T) {
	var v sample
	warnings, err := Read("x.toml", []byte("hold = \"0s\"\nsize_bytes = 4096\nwordz = [\"a\"]\ninner = \"in\"\ninner_bytes = 7\n"), &v)
	if err != nil {
		t.Fatal(err)
	}
	if v.Keep != conf.Duration(time.Minute) || v.Size != 4096 || len(v.Words) != 1 || v.Inner.Name != "in" || v.Inner.Bytes != 7 {
		t.Errorf("read as %+v", v)
	}
	want := []string{
		"x.toml:1:1: warning: hold is now called keep", "x.toml:2:1: warning: size_bytes is now called size", "x.toml:3:1: warning: wordz is now called words",
		"x.toml:4:1: warning: inner is now called inner.name", "x.toml:5:1: warning: inner_bytes is now called inner.bytes",
	}
	for i, w := range warnings {
		if i >= len(want) || w.String() != want[i] {
			t.Errorf("warning %d is %q, want %q", i, w, want)
		}
	}
	if len(warnings) != len(want) {
		t.Errorf("%d warnings, want %d", len(warnings), len(want))
	}
	if _, err := Read("x.toml", []byte("hold = \"-5s\"\n"), &v); err != nil || v.Keep != 0 {
		t.Errorf("%v, %v", err, v.Keep)
	}
	wantErrors(t, "wordz = [\"a\", 7]\n", "x.toml:1:15: words must be a list of strings")
}

func TestGrammar(t *testing.T) {
	for src, want := range map[string]string{
		"n = 1\nb = \n":    "x.toml:2:",
		"n = 1\nn = 2\n":   "x.toml:2:",
		"[x\n":             "x.toml:2:",
		"a = \"\xff\"\n":   "x.toml:1:",
		"x = [1,\n2\n\ny=": "x.toml:",
	} {
		var v sample
		if _, err := Read("x.toml", []byte(src), &v); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}

// FuzzRead: no document panics, and what is read is written so that it is read as the same.
func FuzzRead(f *testing.F) {
	f.Add(sampleText)
	f.Add("hold = \"-1s\"\ninner = \"x\"\nshort = { bytes = \"1kB\", name = 'n' }\n")
	blind.Fuzz(f, func(t *testing.T, src string) {
		var v, again sample
		if _, err := Read("x.toml", []byte(src), &v); err != nil {
			return
		}
		text := Format(&v)
		if _, err := Read("x.toml", []byte(text), &again); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if got := Format(&again); got != text {
			t.Errorf("written as\n%s\nand then as\n%s", text, got)
		}
	})
}
