package spreadconf

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/golden"
)

// checkPlace reports whether an error's token stands where the error says.
func checkPlace(t testing.TB, src []byte, e *Error) {
	t.Helper()
	lines := bytes.Split(bytes.TrimPrefix(src, []byte("\xef\xbb\xbf")), []byte{'\n'})
	if e.Pos.Line < 1 || e.Pos.Line > len(lines) || e.Pos.Col < 1 || e.Pos.Col > len(lines[e.Pos.Line-1])+1 {
		t.Errorf("%v: line %d column %d is outside of the file", e, e.Pos.Line, e.Pos.Col)
		return
	}
	rest := bytes.Join(lines[e.Pos.Line-1:], []byte{'\n'})[e.Pos.Col-1:]
	if !bytes.HasPrefix(rest, []byte(e.Token)) {
		t.Errorf("%v: the token %q is not there", e, e.Token)
	}
}

// TestByteOrderMark: a byte order mark changes neither the meaning nor the hash of a file, and the
// place of a mistake is that of the file without it.
func TestByteOrderMark(t *testing.T) {
	const mark, text = "\ufeff", "# first\nSpread_Segment 10.0.0.255 { a 10.0.0.1 }\n"
	env := loadIndex(t).environment()
	want, err := Parse("f", []byte(text), env)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse("f", []byte(mark+text), env)
	if err != nil {
		t.Fatal(err)
	}
	if got.Hash() != want.Hash() {
		t.Errorf("hash %d, want %d", got.Hash(), want.Hash())
	}
	if w := got.Warnings; len(w) != len(want.Warnings)+1 || w[0].Code != WarnByteOrderMark || !strings.Contains(w[0].Text, "U+FEFF") {
		t.Errorf("warnings %v", w)
	}
	_, err = Parse("f", []byte(mark+"oops"), env)
	if e, ok := errors.AsType[*Error](err); !ok || e.Pos.Col != 1 || e.Token != "oops" {
		t.Errorf("a mistake behind the mark: %v", err)
	}
	if _, err := ParseAccessIP("f", []byte(mark+"10.0.0.0/8\n")); err != nil {
		t.Error(err)
	}
	if _, err := ParseAccessPword("f", []byte(mark+"bob:xx0123456789.\n")); err != nil {
		t.Error(err)
	}
}

// Every refused file of the corpus, with all that its error says.
func TestErrorTexts(t *testing.T) {
	x := loadIndex(t)
	var b strings.Builder
	for _, c := range x.Cases {
		if c.Parse != "reject" && deviations[c.File].parse == "" || deviations[c.File].accepted {
			continue
		}
		src := readCorpus(t, c.File)
		_, err := Parse(filepath.Base(c.File), src, x.environment())
		e, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%s: %v", c.File, err)
			continue
		}
		checkPlace(t, src, e)
		if e.Advice == "" {
			t.Errorf("%v: there is no advice", e)
		}
		fmt.Fprintf(&b, "# %s: %s\n%s\n\n", e.Code, c.Notes, e)
	}
	golden.File(t, "testdata/errors.golden", b.String())
}

// TestShortAddress: part of an address is reported where it stands, also on the line behind the name of its daemon.
func TestShortAddress(t *testing.T) {
	for text, want := range map[string]string{
		"a 10.0.0":           "x:2:3: found `10.0.0`, expected the address of daemon `a`",
		"a\n10.0.0":          "x:3:1: found `10.0.0`, expected the address of daemon `a`",
		"10.0.0\nb 10.0.0.2": "x:2:1: cannot look up daemon `10.0.0`",
	} {
		_, err := Parse("x", []byte("Spread_Segment 10.0.0.255 {\n"+text+"\n}\n"), loadIndex(t).environment())
		if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "an IPv4 address has four numbers") {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
