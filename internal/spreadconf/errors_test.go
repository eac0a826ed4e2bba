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
	lines := bytes.Split(src, []byte{'\n'})
	if e.Pos.Line < 1 || e.Pos.Line > len(lines) || e.Pos.Col < 1 || e.Pos.Col > len(lines[e.Pos.Line-1])+1 {
		t.Errorf("%v: line %d column %d is outside of the file", e, e.Pos.Line, e.Pos.Col)
		return
	}
	rest := bytes.Join(lines[e.Pos.Line-1:], []byte{'\n'})[e.Pos.Col-1:]
	if !bytes.HasPrefix(rest, []byte(e.Token)) {
		t.Errorf("%v: the token %q is not there", e, e.Token)
	}
}

// Every refused file of the corpus, with all that its error says.
func TestErrorTexts(t *testing.T) {
	x := loadIndex(t)
	var b strings.Builder
	for _, c := range x.Cases {
		if c.Parse != "reject" && deviations[c.File].parse == "" {
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
