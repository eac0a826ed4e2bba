package logline

import (
	"strings"
	"testing"
)

// TestForm: what becomes of the first word of a line.
func TestForm(t *testing.T) {
	for _, tt := range []struct {
		form       Form
		line, want string
	}{
		{Form{}, "a b\n", "a b\n"},
		{Form{VHost: "www.a.example"}, "a b\n", "www.a.example a b\n"},
		{Form{VHost: "www.a.example"}, "\n", "www.a.example \n"},
		{Form{Word: VHostClean}, "WWW.A.example:8080 x Y:1\n", "www.a.example x Y:1\n"},
		{Form{Word: VHostClean}, "[2001:DB8::1]:80 x\n", "[2001:db8::1] x\n"},
		{Form{Word: VHostClean}, ". x\n", ". x\n"},
		{Form{Word: VHostStrip}, "A x y\n", "x y\n"},
		{Form{Word: VHostStrip}, "A\n", "A\n"},
		{Form{Word: VHostStrip}, " A b\n", " A b\n"},
		{Form{VHost: "WWW.A.example:80", Word: VHostClean}, "A b\n", "www.a.example A b\n"},
	} {
		if got := string(tt.form.Cut(tt.form.AppendNamed(nil, []byte(tt.line)))); got != tt.want {
			t.Errorf("%+v: %q became %q, want %q", tt.form, tt.line, got, tt.want)
		}
	}
	for _, bad := range []Form{{VHost: "a b"}, {VHost: strings.Repeat("a", maxVHost+1)}, {Word: numVHostWords}} {
		if err := bad.Check(); err == nil {
			t.Errorf("%+v is valid", bad)
		}
	}
	for w := range numVHostWords {
		if got, err := ParseVHostWord(w.String()); err != nil || got != w {
			t.Errorf("%q is %v, %v", w.String(), got, err)
		}
	}
	if _, err := ParseVHostWord("x"); err == nil {
		t.Error("x is a word")
	}
}

// BenchmarkForm is what changing lines costs.
func BenchmarkForm(b *testing.B) {
	f := Form{Word: VHostClean}
	line := []byte("WWW.A.example:80 10.0.0.1 - - \"GET / HTTP/1.1\" 200 5\n")
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = f.AppendNamed(buf[:0], line)
		f.Cut(buf)
	}
}
