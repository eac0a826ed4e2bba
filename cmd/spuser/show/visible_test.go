package show

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/spreadd/spreadd/internal/testkit/blind"
)

func FuzzVisible(f *testing.F) {
	for _, seed := range []string{
		"plain\n\ttext", "txt\u202egpj", "\x1b[2J", "\xc2\x9b5n", "\x9b5n", "na\u00efve \xef", "\u2028", "\xf0\x9f\x98", "\x7f",
	} {
		f.Add([]byte(seed))
	}
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		got := Visible(b)
		for i, r := range got {
			if r != '\n' && r != '\t' && r != utf8.RuneError && !unicode.IsPrint(r) {
				t.Errorf("%q at %d of %q", r, i, got)
			}
		}
		// What has only printable characters is left as it is, in any encoding.
		if !strings.ContainsFunc(string(b), func(r rune) bool { return r != '\n' && r != '\t' && r != utf8.RuneError && !unicode.IsPrint(r) }) &&
			!slices.ContainsFunc(b, func(c byte) bool { return c >= 0x7f && c < 0xa0 }) && got != string(b) {
			t.Errorf("%q became %q", b, got)
		}
	})
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"a\nb\tc":                             "a\nb\tc",
		"\x1b[1m\a\r\x00":                     `\x1b[1m\a\r\x00`,
		"\u009b1m":                            `\u009b1m`,
		"\x9b1m":                              `\x9b1m`,
		"gr\xfcn":                             "gr\xfcn",
		"txt\u202egpj":                        `txt\u202egpj`,
		"a\u200b\u2066\ufeff\u2028\U000e0041": `a\u200b\u2066\ufeff\u2028\U000e0041`,
		"gr\u00fcn":                           "gr\u00fcn",
		`'"\`:                                 `'"\`,
		"\u4e16":                              "\u4e16",
		"\ufffd":                              "\ufffd",
	} {
		if got := Visible([]byte(in)); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}
