package logpub

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spreadd/spreadd/logs/internal/input/tail"
	"github.com/spreadd/spreadd/logs/internal/logline"
)

func TestForm(t *testing.T) {
	const host = "www.a.example"
	for _, tt := range []struct {
		name     string
		form     logline.Form
		line     string
		sent, to string
	}{
		{"as it is", logline.Form{}, "a b\n", "a b\n", "[a]"},
		{"in front", logline.Form{VHost: host}, "a b\n", "www.a.example a b\n", "[www.a.example]"},
		{"in front of nothing", logline.Form{VHost: host}, "\n", "www.a.example \n", "[www.a.example]"},
		{"clean", logline.Form{Word: logline.VHostClean}, "WWW.A.example:8080 x Y:1\n", "www.a.example x Y:1\n", "[www.a.example]"},
		{"clean already", logline.Form{Word: logline.VHostClean}, "www.a.example x\n", "www.a.example x\n", "[www.a.example]"},
		{"an address", logline.Form{Word: logline.VHostClean}, "[2001:DB8::1]:80 x\n", "[2001:db8::1] x\n", "[[2001:db8::1]]"},
		{"no ASCII", logline.Form{Word: logline.VHostClean}, "\u0130.A x\n", "\u0130.a x\n", "[__.a~cmz5i7mpue5w]"},
		{"nothing but a port", logline.Form{Word: logline.VHostClean}, ". x\n", ". x\n", "[g]"},
		{"unknown", logline.Form{Word: logline.VHostClean}, "- x\n", "- x\n", "[g]"},
		{"strip", logline.Form{Word: logline.VHostStrip}, "A x y\n", "x y\n", "[a]"},
		{"nothing to strip", logline.Form{Word: logline.VHostStrip}, "A\n", "A\n", "[a]"},
		{"a space at first", logline.Form{Word: logline.VHostStrip}, " A b\n", " A b\n", "[g]"},
		{"both", logline.Form{VHost: "WWW.A.example:80", Word: logline.VHostClean}, "A b\n", "www.a.example A b\n", "[www.a.example]"},
		{"too long", logline.Form{VHost: host}, strings.Repeat("x", 49) + "\n", "www.a.example " + strings.Repeat("x", 35) + "\n", "[www.a.example]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var d fakeDaemon
			p := newPublisher(t, &d, func(c *Config) {
				c.VHost, c.VHostWord, c.MaxLine = tt.form.VHost, tt.form.Word, 50
				c.Route = &Route{Field: 1, VHost: true}
			})
			if err := p.Run(t.Context(), strings.NewReader(tt.line)); err != nil {
				t.Fatal(err)
			}
			if got := d.got(); len(got) != 1 || got[0] != tt.sent || d.targets[0] != tt.to {
				t.Errorf("sent %q to %q, want %q to %q", got, d.targets, tt.sent, tt.to)
			}
			if n := p.Stats().Truncated; (n == 1) != (tt.name == "too long") {
				t.Errorf("%d lines were cut", n)
			}
			checkSums(t, p)
		})
	}
}

// TestFormOfInputs: each input has its own form, and lines of several hosts keep their order.
func TestFormOfInputs(t *testing.T) {
	var d fakeDaemon
	p := newPublisher(t, &d, func(c *Config) { c.VHostWord = logline.VHostClean })
	lines := "A.example 1\nB.example 2\nB.example 3\nA.example 4\n"
	inputs := []Input{
		{Source: NewStream(strings.NewReader(lines)), Groups: []string{"i"}, VHost: "X"},
		{Source: NewStream(strings.NewReader(lines)), Groups: []string{"j"}, Route: &Route{Field: 1, VHost: true}, VHostWord: logline.VHostStrip},
		{Source: NewStream(strings.NewReader(lines))},
	}
	if err := p.RunInputs(t.Context(), inputs...); err != nil {
		t.Fatal(err)
	}
	of := func(groups ...string) (lines []string) {
		for i, line := range d.got() {
			if slices.Contains(groups, strings.Trim(d.targets[i], "[]")) {
				lines = append(lines, line)
			}
		}
		return lines
	}
	for _, tt := range []struct {
		got  []string
		want string
	}{
		{of("i"), "X A.example 1\nX B.example 2\nX B.example 3\nX A.example 4\n"},
		{of("a.example", "b.example"), "1\n2\n3\n4\n"},
		{of("g"), "a.example 1\nb.example 2\nb.example 3\na.example 4\n"},
	} {
		if got := strings.Join(tt.got, ""); got != tt.want {
			t.Errorf("sent %q, want %q", got, tt.want)
		}
	}
	checkSums(t, p)
	for _, bad := range []Input{{VHost: "a b"}, {VHost: strings.Repeat("a", 254)}, {VHostWord: 9}} {
		if err := p.CheckInput(bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

// TestFormOfFiles: the position in a file is that of lines as they stand there, whatever becomes of them; so
// a restart in their middle neither loses nor repeats any.
func TestFormOfFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	lines := numbered(1, 3000)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		d := fakeDaemon{down: true}
		for i := range 3 {
			p := newPublisher(t, &d, func(c *Config) {
				c.QueueBytes, c.Spool, c.SpoolBytes = 4096, filepath.Join(dir, "spool"), MinSpoolBytes
			})
			file, err := NewFile(tail.Config{Path: path, State: dir, FromStart: true}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if i == 2 {
				d.setDown(false)
			}
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			err = p.RunInputs(ctx, Input{Source: file, VHost: strings.Repeat("long", 60)})
			stop()
			if err != nil {
				t.Errorf("round %d: %v", i, err)
			}
		}
		want := make([]string, len(lines))
		for i, line := range lines {
			want[i] = strings.Repeat("long", 60) + " " + line
		}
		if got := d.got(); !slices.Equal(got, want) {
			t.Errorf("%d lines were sent, want %d", len(got), len(want))
		}
	})
}
