package logsub

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/internal/sink/commandsink"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
	"github.com/spreadd/spreadd/logs/internal/sink/sqlsink"
	"github.com/spreadd/spreadd/logs/internal/spreadlogdconf"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestTOML reads a file with every key, and finds the same in what it prints.
func TestTOML(t *testing.T) {
	src := read(t, filepath.Join("testdata", "all.toml"))
	cfg, _, err := ParseTOML("all.toml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(cfg.Connections); n != 2 {
		t.Fatalf("%d connections", n)
	}
	if got := cfg.TOML(); got != src {
		t.Errorf("it prints\n%s\nand has read\n%s", got, src)
	}
	if cfg.BufferSize != 64<<10 || !cfg.Truncate || cfg.QueueBytes != 1<<20 || cfg.StatsInterval != -1 {
		t.Errorf("read as %+v", cfg)
	}
	l := cfg.Connections[0].Logs[0]
	if !l.Match[1].MatchString("GET /x.php\n") || l.Rewrite != RewriteCommonLog {
		t.Errorf("the first log is %+v", l)
	}
	if err := cfg.Check(); err != nil {
		t.Error(err)
	}
}

func TestTOMLDefaults(t *testing.T) {
	cfg, _, err := ParseTOML("x.toml", []byte("[[log]]\ngroup = \"a\"\nfile = \"/a\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		QueueBytes: DefaultQueueBytes, OpenFiles: DefaultOpenFiles, BatchBytes: logfile.DefaultBatchBytes, StatsInterval: DefaultStatsInterval,
		CommandWait: commandsink.DefaultEndWait, Patience: DefaultPatience,
		Connections: []Connection{{Address: DefaultDaemon, Logs: []Log{{Group: "a", File: "/a"}}}},
	}
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("read as %+v", cfg)
	}
	if got := cfg.TOML(); got != "[[log]]\ngroup = \"a\"\nfile = \"/a\"\n" {
		t.Errorf("prints\n%s", got)
	}
}

// TestTOMLMetrics: a port alone is an address, as for the flag.
func TestTOMLMetrics(t *testing.T) {
	cfg, _, err := ParseTOML("x.toml", []byte("metrics = \"9805\"\n[[log]]\ngroup = \"a\"\nfile = \"/a\"\n"))
	if err != nil || cfg.Metrics != "9805" {
		t.Errorf("metrics = %q, %v", cfg.Metrics, err)
	}
}

// sqlLog is a log with a table, but for its columns.
const sqlLog = "[[log]]\n\ngroup = \"a\"\n[log.sql]\ndriver = \"mysql\"\ndsn = \"u@/d\"\ntable = \"t\"\n"

// TestTOMLMistakes: each has its line, and all are reported at once.
func TestTOMLMistakes(t *testing.T) {
	unlocked, _, err := ParseTOML("x.toml", []byte("lock = false\nfsync = \"batch\"\n[[log]]\ngroup = \"a\"\nfile = \"/a\"\n"))
	if err != nil || !unlocked.NoLock || unlocked.SyncInterval >= 0 || !strings.HasPrefix(unlocked.TOML(), "lock = false\nfsync = \"batch\"\n") {
		t.Errorf("%v, %+v", err, unlocked)
	}
	for _, tt := range []struct{ src, want string }{
		{"", "missing [[log]]; add a log: a group, and where its lines go"},
		{"[[log]]\ngroup = \"a\"\nfile = \"/a\"\nmach = \"x\"\n", `:4:1: unknown key "mach"; did you mean match?`},
		{"[[log]]\nfile = \"/a\"\n", `:1:1: this log has no group; add group = "NAME" or groups_file = "/PATH"`},
		{"[[log]]\ngroup = \"a\"\nfile = \"/a\"\nperl = \"a::b\"\n", ":4:1: a log has a file or a Perl function"},
		{"[[log]]\ngroup = \"a\"\nperl = \"a b\"\n", ":3:1: \"a b\" is no name of a Perl function"},
		{"[[log]]\ngroup = \"a\"\nperl = \"a::b\"\nkeep_age = \"1d\"\n", ":3:1: what goes to Perl cannot be cut"},
		{"[[perl]]\nhup = [\"a\", \"::\"]\n[[log]]\ngroup = \"a\"\nfile = \"/a\"\n", ":2:13: \"::\" is no name"},
		{"[[perl]]\nlib = [\"\"]\nuse = [\"\"]\n[[log]]\ngroup = \"a\"\nfile = \"/a\"\n", ":3:8: an empty name"},
		{"[[log]]\ngroup = \"#a\"\nfile = \"/a\"\n", `:2:1: `},
		{"[[log]]\ngroup = \"a\"\n\n[[log]]\ngroup = \"b\"\nfile = \"/b\"\n", ":1:1: this log has no file"},
		{"daemon = \"x@y\"\n[[log]]\ngroup = \"a\"\nfile = \"/a\"\n", ":1:1: "},
		{"[[log]]\ngroup = \"a\"\nfile = \"/a\"\ndaemon = \"4803@\"\n", ":4:1: "},
		{"[[log]]\ngroup = \"a\"\nfile = \"/a\"\nmatch = [\"ok\",\n\"(\"]\n", ":5:1: match: error parsing regexp: missing closing ): `(`"},
		{"queue = \"1KiB\"\n[[log]]\ngroup = \"a\"\nfile = \"/a\"\n", ":1:1: queue is 1KiB, want 64KiB to "},
		{"spool_bytes = \"1GiB\"\n[[log]]\ngroup = \"a\"\nfile = \"/a\"\n", ":1:1: the spool has a size, but no directory; add dir ="},
		{"lock = 1\n[[log]]\ngroup = \"a\"\nfile = \"/a\"\n", ":1:1: lock must be true or false"},
		{"zone = \"Europe/Atlantis\"\n[[log]]\ngroup = \"a\"\nfile = \"/a\"\n", ":1:1: unknown time zone Europe/Atlantis; write "},
		{"[[log]]\ngroup = \"a\"\nfile = \"/a/%Q\"\nclock = \"sundial\"\n", ":3:1: file /a/%Q: %Q is not known: there are %Y"},
		{"[[log]]\ngroup = \"a\"\nfile = \"/a/%Q\"\nclock = \"sundial\"\n", ":4:1: clock is \"sundial\", want agreed, line or receipt"},
		{"[[log]]\ngroup = \"a\"\nfile = \"/a\"\nvhost_word = \"eat\"\n", ":4:1: vhost_word is \"eat\", want auto, none, keep, clean or strip"},
		{"[[log]]\ngroup = \"a\"\nfile = \"/a\"\ncompress = \"gzip\"\n", ":3:1: the file is never closed"},
		{"lock = false\n[[log]]\ngroup = \"a\"\nfile = \"/a/%Y\"\ncompress = \"gzip\"\n", ":4:1: files that are not locked"},
		{"[[log]]\ngroup = \"a\"\nfile = \"/a\"\ncompress = \"lzw\"\n", ":4:1: compress is \"lzw\", want none, gzip or zstd"},
		{"fsync = \"0s\"\n[[log]]\ngroup = \"a\"\nfile = \"/a\"\n", ":1:1: fsync: \"0s\", want never, batch or an interval"},
		{"[[log]]\ngroup = \"a\"\nfile = \"/a\"\nkeep = [\n{},\n{ field = \"x\", match = \"y\" }]\n", ":5:1: this condition says nothing"},
		{"[[log]]\ngroup = \"a\"\nfile = \"/a\"\nkeep = [\n{},\n{ field = \"x\", match = \"(\" }]\n", ":6:3: field is \"x\", want line, host"},
		{"[[log]]\ngroup = \"a\"\nfile = \"/a\"\ndrop = { match = \"(\" }\n", ":4:10: match: error parsing"},
		{"[[log]]\ngroup = \"a\"\nfile = \"/a\"\n[log.drop]\nstatus = [\"2xx\", \"7x\"]\n", ":5:18: status: \"7x\", want a code, a class or a range"},
		{"[[log]]\ngroup = \"a\"\nfile = \"/a\"\n[log.drop]\nstatus = \"2xx\"\nfield = \"path\"\n", ":6:1: nothing is asked of the field"},
		{"[[log]]\ngroup = \"a\"\nfile = \"/a\"\nsample = 1.5\n", ":4:1: sample is 1.5, want 0 to 1"},
		{"[[log]]\ngroup = \"a\"\nfile = \"|x\"\ncompress = \"gzip\"\n", ":3:1: a command cannot be cut"},
		{"[[log]]\ngroup = \"a\"\nfile = \"| \"\n", ":3:1: the file is a pipe to no command"},
		{"[[log]\n", ":2:6:"},
		{"[[log]]\ngroup = \"a\"\n[log.sql]\ndriver = \"oracle\"\n", `:4:1: driver is "oracle", want mysql, postgres or sqlite`},
		{"[[log]]\ngroup = \"a\"\n[log.sql]\ndriver = \"mysql\"\ndsn = \"u:secret@/d\"\n", ":5:1: dsn: it has a password, which others could see here; put it"},
		{"[[log]]\ngroup = \"a\"\n[log.sql]\ndriver = \"mysql\"\ndsn_env = \"X\"\ntable = \"t\"\n", ":3:1: columns: none; add some"},
		{sqlLog + "columns = { a = \"lime\" }\n", `:8:13: columns.a is "lime", want group`},
		{sqlLog + "columns = { a = \"line\" }\ncolumn = 1\n", `:9:1: unknown key "column"; did you mean columns?`},
		{sqlLog + "columns = { a = \"line\" }\n[[log]]\n" + strings.TrimPrefix(sqlLog, "[[log]]\n") + "columns = { b = \"line\" }\n", "two sinks are called mysql:t, and differ; give one"},
		{"[[log]]\nfile = \"/a\"\n" + strings.TrimPrefix(sqlLog, "[[log]]\n") + "columns = { b = \"line\" }\n", ":2:1: this log has a file and a table"},
		{"[[log]]\nenvelope = \"index\"\n" + strings.TrimPrefix(sqlLog, "[[log]]\n") + "columns = { b = \"line\" }\n", ":2:1: commands and tables have no index"},
		{"[[log]]\nrotate_size = 5\n" + strings.TrimPrefix(sqlLog, "[[log]]\n") + "columns = { b = \"line\" }\n", "a table cannot be cut"},
	} {
		_, _, err := ParseTOML("x.toml", []byte(tt.src))
		if _, ok := errors.AsType[conf.Errors](err); !ok || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.src, err, tt.want)
		}
	}
}

// TestConvert prints files of spreadlogd as TOML: reading that is the same as reading the file.
func TestConvert(t *testing.T) {
	names, err := filepath.Glob(filepath.Join("testdata", "convert", "*.conf"))
	if err != nil || len(names) < 2 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		old, err := spreadlogdconf.Parse(name, []byte(read(t, name)))
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := FromSpreadlogd(old)
		if err != nil {
			t.Fatal(err)
		}
		text := cfg.TOML()
		if want := read(t, strings.TrimSuffix(name, ".conf")+".toml"); text != want {
			t.Errorf("%s becomes\n%s\nwant\n%s", name, text, want)
		}
		again, _, err := ParseTOML("x.toml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := again.TOML(); got != text {
			t.Errorf("%s: read back and printed again it is\n%s", name, got)
		}
		if !reflect.DeepEqual(again.Connections, cfg.Connections) || !reflect.DeepEqual(again.Perl, cfg.Perl) || again.BufferSize != cfg.BufferSize {
			t.Errorf("%s: read back it is\n%+v\nwant\n%+v", name, again, cfg)
		}
	}
}

// TestPatternText: patterns keep their meaning, whoever compiled them.
func TestPatternText(t *testing.T) {
	for _, re := range []*regexp.Regexp{regexp.MustCompile("a$"), regexp.MustCompile("(?m:a$)"), regexp.MustCompile("(?i)a$|b")} {
		text, err := pattern{re}.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var again pattern
		if err := again.UnmarshalText(text); err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{"a", "a\n", "ab", "A", "b\n"} {
			if re.MatchString(s) != again.MatchString(s) {
				t.Errorf("%v and %v differ about %q", re, again, s)
			}
		}
	}
}

// FuzzTOML: no input panics, and what is accepted is printed so that it is read as the same.
func FuzzTOML(f *testing.F) {
	src, err := os.ReadFile(filepath.Join("testdata", "all.toml"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(src))
	for log := range strings.SplitSeq(string(src), "\n[[log]]\n") {
		f.Add("[[log]]\n" + log)
	}
	f.Add("[[log]]\ngroup = \"a\"\nfile = \"/%%/%{vhost}\"\nkeep = { status = \"0-999\", not = true }\nsample = 1e-9\n")
	blind.Fuzz(f, func(t *testing.T, src string) {
		cfg, _, err := ParseTOML("x.toml", []byte(src))
		if err != nil {
			return
		}
		text := cfg.TOML()
		again, _, err := ParseTOML("x.toml", []byte(text))
		if err != nil {
			t.Fatalf("%v\nin\n%s", err, text)
		}
		if got := again.TOML(); got != text {
			t.Errorf("printed as\n%s\nand then as\n%s", text, got)
		}
	})
}

// TestWords: the words that the tags allow are those that the values have, in their order.
func TestWords(t *testing.T) {
	for _, tt := range []struct {
		table any
		field string
		words func(i int) string // "" behind the last one
	}{
		{logTable{}, "Clock", func(i int) string { return notNumbered(Clock(i).String()) }},
		{logTable{}, "SampleBy", func(i int) string { return notNumbered(logline.Field(i).String()) }},
		{condition{}, "Field", func(i int) string { return notNumbered(logline.Field(i).String()) }},
		{sqlTable{}, "Columns", func(i int) string { return notNumbered(sqlsink.Field(i).String()) }},
		{logTable{}, "Compress", func(i int) string { return notNumbered(archive.Compression(i).String()) }},
	} {
		field, _ := reflect.TypeOf(tt.table).FieldByName(tt.field)
		words := strings.Split(field.Tag.Get("enum"), ",")
		for i := range len(words) + 1 {
			want := ""
			if i < len(words) {
				want = words[i]
			}
			if got := tt.words(i); got != want {
				t.Errorf("%T.%s: word %d is %q, want %q", tt.table, tt.field, i, want, got)
			}
		}
	}
}

// notNumbered returns the name of a value, or "" for one that has none: Field(99).
func notNumbered(name string) string {
	if strings.HasSuffix(name, ")") || strings.HasPrefix(name, "num") {
		return ""
	}
	return name
}
