package spreadlogdconf

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/internal/testkit/golden"
)

// files calls f with each configuration of a directory of testdata.
func files(t *testing.T, dir string, f func(t *testing.T, name string, src []byte)) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", dir, "*.conf"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no files in testdata/%s: %v", dir, err)
	}
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(name), func(t *testing.T) { f(t, name, src) })
	}
}

func warnings(c *Config) string {
	var s strings.Builder
	for _, w := range c.Warnings {
		s.WriteString(w.String() + "\n")
	}
	return s.String()
}

func TestValid(t *testing.T) {
	files(t, "valid", func(t *testing.T, name string, src []byte) {
		cfg, err := Parse(filepath.Base(name), src)
		if err != nil {
			t.Fatal(err)
		}
		var handlers strings.Builder
		for _, d := range cfg.Handlers() {
			handlers.WriteString(d.Pos.String() + ": handler: " + d.Name + " " + d.Value + "\n")
		}
		golden.File(t, strings.TrimSuffix(name, ".conf")+".golden", cfg.String()+"----\n"+warnings(cfg)+handlers.String())
		again, err := Parse("printed", []byte(cfg.String()))
		if err != nil {
			t.Fatalf("the printed configuration does not parse: %v", err)
		}
		if again.String() != cfg.String() {
			t.Errorf("printed, parsed and printed again:\n%s", again)
		}
	})
}

func TestBad(t *testing.T) {
	files(t, "bad", func(t *testing.T, name string, src []byte) {
		cfg, err := Parse(filepath.Base(name), src)
		if err == nil {
			t.Fatalf("no error; understood as\n%s", cfg)
		}
		list, ok := errors.AsType[conf.Errors](err)
		if !ok || len(list) == 0 {
			t.Fatalf("error of type %T", err)
		}
		for _, e := range list {
			if !e.Pos.IsValid() {
				t.Errorf("no place: %v", e)
			}
			if !errors.Is(err, e) {
				t.Errorf("errors.Is does not find %v", e)
			}
		}
		golden.File(t, strings.TrimSuffix(name, ".conf")+".golden", err.Error()+"\n")
	})
}

// inLog parses s as the inside of a Log of group g.
func inLog(t *testing.T, s string) (*Log, *Config) {
	t.Helper()
	cfg, err := Parse("f", []byte("Spread { Log { Group = g\n"+s+"\n} }"))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return &cfg.Spreads[0].Logs[0], cfg
}

// TestWords has a row for each rule of the lexer (spreadlogd §3), shown by the value of File.
func TestWords(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
		warns          string // part of the warning; empty: none
	}{
		{"bare", `File = /a`, `/a`, ""},
		{"double quotes", `File = "/a b"`, `/a b`, ""},
		{"single quotes", `File = '/a b'`, `/a b`, ""},
		{"other quotes inside", `File = '/a "b"'`, `/a "b"`, ""},
		{"hash in quotes", `File = "/a#b"`, `/a#b`, ""},
		{"braces in quotes", `File = "/a{b}"`, `/a{b}`, ""},
		{"newline in quotes", "File = \"/a\nb\"", "/a\nb", "continues on the next line"},
		{"no escapes", `File = /a\"b`, `/a\"b`, ""},
		{"backslash ends no quotes", `File = "/a\"`, `/a\`, ""},
		{"quotes around a part", `File = "/a"b`, `"/a"b`, "with the quotes"},
		{"quote without end", `File = "/a`, `"/a`, "with the quotes"},
		{"apostrophe inside", `File = /it's`, `/it's`, ""},
		{"comment ends a word", `File = /a#1`, `/a`, "begins a comment"},
		{"comment behind quotes", `File = "/a"#1`, `/a`, ""},
		{"comment between", "File # really\n= # yes\n /a # here", `/a`, ""},
		{"value in the next line", "File =\n/a", `/a`, ""},
		{"carriage returns", "File = /a\r\n", `/a`, ""},
		{"form feed is a character", "File = /a\fb", "/a\fb", ""},
		{"glued", `File=/a`, `/a`, ""},
		{"glued to the directive", `File= /a`, `/a`, ""},
		{"glued to the value", `File =/a`, `/a`, ""},
		{"glued quotes", `File="/a b"`, `/a b`, ""},
		{"no equals sign", `File /a`, `/a`, ""},
		{"equals sign inside", `File = /a=b`, `/a=b`, ""},
		{"glued, equals sign inside", `File=/a=b`, `/a=b`, ""},
		{"half glued, equals sign inside", `File =/a=b`, `/a=b`, ""},
		{"value begins with equals sign", `File = =/a`, `=/a`, "relative"},
		{"keyword glued to a value", `File = Log=x`, `Log=x`, "relative"},
		{"keyword", `File = Log`, `Log`, "relative"},
		{"quoted keyword", `File = "Log"`, `Log`, "relative"},
		{"quoted keyword in the next line", "File =\n\"Log\"", `Log`, "relative"},
		{"not ASCII", "File = /é\xff", "/é\xff", ""},
		{"NUL", "File = /a\x00b", "/a\x00b", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, cfg := inLog(t, tt.in)
			if l.File.Value != tt.want {
				t.Errorf("got %q, want %q", l.File.Value, tt.want)
			}
			switch warned := warnings(cfg); {
			case tt.warns == "" && warned != "":
				t.Errorf("warning: %s", warned)
			case !strings.Contains(warned, tt.warns):
				t.Errorf("warnings %q, want %q among them", warned, tt.warns)
			}
		})
	}
}

// Values of directives that spreadlogd wants without '=' may begin with one only in quotes.
func TestDirectivesWithoutEquals(t *testing.T) {
	for _, in := range []string{"PerlLog a::b", "PerlLog = a::b", "PerlLog=a::b", `PerlLog "a::b"`} {
		if l, _ := inLog(t, in); l.PerlLog.Value != "a::b" {
			t.Errorf("%s: %q", in, l.PerlLog.Value)
		}
	}
}

func TestLoadModule(t *testing.T) {
	for _, tt := range []struct{ in, name, config string }{
		{"LoadModule a", "a", ""},
		{"LoadModule a b", "a", "b"},
		{"LoadModule a \"b c\"", "a", "b c"},
		{"LoadModule a\nb", "a", "b"}, // white space is all the same
		{"LoadModule a\nModuleDir /m", "a", ""},
		{"LoadModule a\nModuleDir=/m", "a", ""},
		{"LoadModule a ModuleDir=/m", "a", ""},
		{"LoadModule a File", "a", "File"},
		{"LoadModule Log Log", "Log", "Log"},
	} {
		cfg, err := Parse("f", []byte(tt.in+"\nSpread { }"))
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		if m := cfg.Modules[0]; m.Name != tt.name || m.Config != tt.config {
			t.Errorf("%s: %q %q", tt.in, m.Name, m.Config)
		}
	}
}

func TestBufferSize(t *testing.T) {
	for _, tt := range []struct {
		in    string
		want  int
		warns bool
	}{
		{"", DefaultBufferSize, false},
		{"BufferSize = 65536", 65536, false},
		{"BufferSize=65536", 65536, false},
		{"BufferSize = +7", 7, false},
		{"BufferSize = 007", 7, false},
		{`BufferSize = " 7"`, 7, false},
		{"BufferSize = 64K", 64, true},
		{"BufferSize = -1", DefaultBufferSize, true},
		{"BufferSize = 0", DefaultBufferSize, true},
		{"BufferSize = 1 BufferSize = 2", 1, true},
		{"BufferSize = -1 BufferSize = 2", 2, true},
		{"BufferSize = 99999999999999999999999", maxBufferSize, false},
	} {
		cfg, err := Parse("f", []byte(tt.in+" Spread { }"))
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		// The empty Spread block has a warning of its own.
		if got := len(cfg.Warnings) > 1; cfg.BufferSize != tt.want || got != tt.warns {
			t.Errorf("%s: %d, warnings %v", tt.in, cfg.BufferSize, cfg.Warnings)
		}
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "4803",
		"Port = 4913":                "4913",
		"Port = 4913@host":           "4913@host",
		"Host = h":                   "4803@h",
		"Port = 4913 Host = h":       "4913@h",
		"Host = ::1 Port = 1":        "1@::1",
		"Log { Group = g } Host = h": "4803@h",
	} {
		cfg, err := Parse("f", []byte("Spread {"+in+"}"))
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := cfg.Spreads[0].Address(); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

// "Two sinks on one group is the natural reading" (spreadlogd §5), and so are two blocks for one
// daemon.
func TestDuplicates(t *testing.T) {
	const block = "Spread { Log { Group = a File = /1 }\nLog { Group = a File = /2 } }\n"
	cfg, err := Parse("f", []byte(block+block))
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Spreads) != 2 || len(cfg.Spreads[0].Logs) != 2 || len(cfg.Spreads[1].Logs) != 2 {
		t.Errorf("understood as\n%s", cfg)
	}
	var at []int
	for _, w := range cfg.Warnings {
		at = append(at, w.Pos.Line)
	}
	if want := []int{2, 3, 4}; !slices.Equal(at, want) {
		t.Errorf("warnings in lines %v, want %v:\n%s", at, want, warnings(cfg))
	}
}

func TestPositions(t *testing.T) {
	cfg, err := Parse("x.conf", []byte("\ufeff# é\nSpread {\n\tPort = 1\n  Log { Group = \"a\nb\"  File = /f } }\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := cfg.Spreads[0]
	for _, tt := range []struct {
		what string
		got  conf.Pos
		want string
	}{
		{"Spread", s.Pos, "x.conf:2:1"},
		{"Port", s.Port.Pos, "x.conf:3:2"},
		{"Log", s.Logs[0].Pos, "x.conf:4:3"},
		{"Group", s.Logs[0].Group.Pos, "x.conf:4:9"},
		{"File, behind a newline in quotes", s.Logs[0].File.Pos, "x.conf:5:5"},
		{"none", s.Host.Pos, ""},
	} {
		if tt.got.String() != tt.want {
			t.Errorf("%s: %s, want %s", tt.what, tt.got, tt.want)
		}
	}
}

func TestKeywordsHaveNamesAndPlaces(t *testing.T) {
	for k := kwNone + 1; k <= kwVhostGroup; k++ {
		if k.String() == "" || lookup(k.String()) != k {
			t.Errorf("keyword %d: name %q", k, k)
		}
		if k.place() == "" && k != kwVhostGroup {
			t.Errorf("%s belongs nowhere", k)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, dir := range []string{"valid", "bad"} {
		names, err := filepath.Glob(filepath.Join("testdata", dir, "*.conf"))
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			src, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Add([]byte("\xef\xbb\xbfSpread{}"))
	f.Add([]byte("Spread{Log{Group=='\n'Match='[[:alpha:]]\\<'}}"))
	blind.Fuzz(f, func(t *testing.T, src []byte) {
		cfg, err := Parse("f", src)
		lines := strings.Count(string(src), "\n") + 1
		for _, w := range cfg.Warnings {
			if w.Pos.Line < 1 || w.Pos.Line > lines || w.Pos.Col < 1 {
				t.Errorf("warning at %s", w.Pos)
			}
		}
		if err != nil {
			for _, e := range err.(conf.Errors) { //nolint:errorlint // Parse returns nothing else
				if e.Pos.Line < 1 || e.Pos.Line > lines || e.Pos.Col < 1 {
					t.Errorf("error at %s", e.Pos)
				}
			}
			return
		}
		printed := cfg.String()
		if strings.Contains(printed, `"`) && strings.Contains(printed, `'`) {
			return // may hold a value that can only be written by accident
		}
		again, err := Parse("f", []byte(printed))
		if err != nil {
			t.Fatalf("printed configuration does not parse: %v\n%s", err, printed)
		}
		if again.String() != printed {
			t.Errorf("printed\n%s\nthen\n%s", printed, again)
		}
	})
}
