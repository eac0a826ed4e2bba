package flags

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// size is a number of bytes, as conf.Size.
// settings has a flag of each kind.
type settings struct {
	file    string
	groups  []string
	n       int
	share   float64
	wait    time.Duration
	bytes   int
	offload bool
	quiet   bool
}

func newSet(o *settings) *Set {
	*o = settings{n: 3, wait: time.Minute, bytes: 2048, offload: true}
	s := New(Program{
		Name: "prog", Usage: []string{"-g GROUP", "-c FILE"}, About: "Does a thing.", Version: "prog 1",
		Examples: []Example{{"", "do it"}, {"-g a", "do it for a"}},
	})
	s.Group("Input")
	s.String(&o.file, "c config", "FILE", "configuration file")
	s.Func("g", "GROUP...", "group to join", func(text string) error {
		o.groups = append(o.groups, text)
		return nil
	})
	s.Group("Limits")
	s.Int(&o.n, "most", "N", "most of something", 1, 9)
	s.Float(&o.share, "share", "SHARE", "share of something")
	s.Duration(&o.wait, "wait", "time to wait")
	Size(s, &o.bytes, "queue", "memory")
	s.Bool(&o.offload, "offload", strings.Repeat("long words ", 10))
	s.BoolFunc("quiet", "print nothing", func() error {
		o.quiet = true
		return nil
	})
	return s
}

func TestParse(t *testing.T) {
	var o settings
	s := newSet(&o)
	if err := s.Parse(strings.Fields("-config x -g b -g=a --most 9 -share 0.5 -wait 2s -queue 4KiB -offload=false -quiet")); err != nil {
		t.Fatal(err)
	}
	if want := (settings{"x", []string{"b", "a"}, 9, 0.5, 2 * time.Second, 4096, false, true}); fmt.Sprint(o) != fmt.Sprint(want) {
		t.Errorf("%+v, want %+v", o, want)
	}
	if given := s.Given(); !slices.Contains(given, "config") || slices.Contains(given, "c") || len(given) != 8 {
		t.Errorf("given %q", given)
	}
	if !s.Has("c") || s.Has("config") || !s.Has("version") {
		t.Error("the flags that are shown are c and version")
	}
}

func TestAnswer(t *testing.T) {
	for _, tt := range []struct {
		args           string
		status         int
		stdout, stderr string
	}{
		{"-h", OK, "Usage: prog -g GROUP\n       prog -c FILE\n\nDoes a thing.\n", ""},
		{"-help", OK, "Usage: prog", ""},
		{"-g a -V", OK, "prog 1\n", ""},
		{"-version", OK, "prog 1\n", ""},
		{"-describe", OK, `{"Name":"prog","Usage":["-g GROUP","-c FILE"],"About":"Does a thing."`, ""},
		{"-most 10", Misuse, "", "prog: invalid value \"10\" for flag -most: want a number from 1 to 9; run prog -h for help\n"},
		{"-share x", Misuse, "", "want a number"},
		{"-wait x", Misuse, "", "want a time such as 500ms"},
		{"-x", Misuse, "", "not defined: -x"},
		{"-g a rest", Misuse, "", `unexpected argument "rest"`},
	} {
		var o settings
		s := newSet(&o)
		err := s.Parse(strings.Fields(tt.args))
		if err == nil {
			t.Errorf("%s: no error", tt.args)
			continue
		}
		var stdout, stderr bytes.Buffer
		status := s.Answer(err, &stdout, &stderr)
		if status != tt.status || !strings.HasPrefix(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) || strings.Count(stderr.String(), "\n") > 1 {
			t.Errorf("%s: status %d, %q and %q", tt.args, status, &stdout, &stderr)
		}
	}
	var o settings
	if err := newSet(&o).Parse([]string{"-h"}); !errors.Is(err, ErrHelp) {
		t.Error(err)
	}
}

// newCommand is a program whose command takes arguments.
func newCommand(args *[]string, n *int) *Set {
	c := New(Program{Name: "prog tail", Usage: []string{"GROUP..."}, About: "Shows groups. Ends never."})
	c.Group("Output")
	c.Int(n, "n", "N", "most", 0, 9)
	c.Args(args, "GROUP", 1)
	s := New(Program{Name: "prog", About: "Does things."})
	s.Commands = []*Set{c}
	return s
}

func TestCommand(t *testing.T) {
	for line, want := range map[string]string{
		"a b": "[a b] 0", "-n 1 a": "[a] 1", "a -n 1 b": "[a b] 1", "-n 1 -- a -n": "[a -n] 1", "a -- -n -- b": "[a -n -- b] 0",
		"": "GROUP is missing", "-n 1": "GROUP is missing", "a -x": "flag provided but not defined: -x", "-V": "version requested",
	} {
		var args []string
		var n int
		s := newCommand(&args, &n)
		if s.Command("head") != nil {
			t.Error("there is a command head")
		}
		got := fmt.Sprint(s.Command("tail").Parse(strings.Fields(line)))
		if got == "<nil>" {
			got = fmt.Sprint(args, n)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
	s := newCommand(new([]string), new(int))
	if help, want := s.Help(), "\nCommands:\n  tail              Shows groups\nRun prog COMMAND -h for the flags of a command.\n"; !strings.Contains(help, want) {
		t.Errorf("help lacks %q:\n%s", want, help)
	}
	if page, want := s.Markdown(), "\n### prog tail\n\nShows groups. Ends never.\n\n    prog tail GROUP...\n\n| flag | meaning |\n"; !strings.Contains(page, want) {
		t.Errorf("the page lacks %q:\n%s", want, page)
	}
}

func TestHelp(t *testing.T) {
	var o settings
	help := newSet(&o).Help()
	for _, want := range []string{
		"\nInput:\n  -c FILE           configuration file\n  -g GROUP          group to join; may be repeated\n",
		"\nLimits:\n  -most N           most of something (default: 3)\n  -share SHARE      share of something\n  -wait TIME        time to wait (default: 1m)\n  -queue SIZE       memory (default: 2KiB)\n",
		"(default:\n                    on; -offload=false turns it off)\n",
		"\nHelp:\n  -version  ",
		"\nExamples:\n  prog\n      do it\n  prog -g a\n      do it for a\n",
	} {
		if !strings.Contains(help, want) {
			t.Errorf("help lacks %q:\n%s", want, help)
		}
	}
	for line := range strings.Lines(help) {
		if len(line) > helpWidth+1 {
			t.Errorf("%q is too wide", line)
		}
	}
	if strings.Contains(help, "-config") {
		t.Errorf("an old spelling is shown:\n%s", help)
	}
	if page := newSet(&o).Markdown(); !strings.Contains(page, "| `-c FILE` | configuration file. Old spelling: `-config` |\n") {
		t.Errorf("the page is\n%s", page)
	}
}
