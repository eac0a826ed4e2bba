package logline

import (
	"strings"
	"testing"
)

// TestVHostWord: what happens to the first word of a line.
func TestVHostWord(t *testing.T) {
	for _, tt := range []struct {
		word       VHostWord
		line, want string
	}{
		{VHostAuto, "A:1 b\n", "A:1 b\n"},
		{VHostNone, "A:1 b\n", "A:1 b\n"},
		{VHostKeep, "A:1 b\n", "A:1 b\n"},
		{VHostClean, "WWW.A.example:8080 x Y:1\n", "www.a.example x Y:1\n"},
		{VHostClean, "[2001:DB8::1]:80 x\n", "[2001:db8::1] x\n"},
		{VHostClean, ". x\n", ". x\n"},
		{VHostStrip, "A x y\n", "x y\n"},
		{VHostStrip, "A\n", "A\n"},
		{VHostStrip, " A b\n", " A b\n"},
	} {
		if got := string(tt.word.Cut([]byte(tt.line))); got != tt.want {
			t.Errorf("%v: %q became %q, want %q", tt.word, tt.line, got, tt.want)
		}
	}
	for _, bad := range []string{"a b", strings.Repeat("a", maxVHost+1)} {
		if err := CheckVHost(bad); err == nil {
			t.Errorf("%q is valid", bad)
		}
	}
	if err := CheckVHost("www.a.example"); err != nil || numVHostWords.Valid() {
		t.Error(err, numVHostWords.Valid())
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

// BenchmarkVHostWord is the cost of a changed line.
func BenchmarkVHostWord(b *testing.B) {
	line := []byte("WWW.A.example:80 10.0.0.1 - - \"GET / HTTP/1.1\" 200 5\n")
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = append(buf[:0], line...)
		VHostClean.Cut(buf)
	}
}
