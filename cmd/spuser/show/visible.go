package show

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Name returns a name that is shown in a line: a newline in it must not look like another line.
func Name(s string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(Visible([]byte(s)))
}

// Visible returns text with everything in Go's notation that is not printable, except newline and
// tab: control characters, and characters that hide text or change its direction, such as U+202E.
func Visible(b []byte) string {
	var s strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == '\n' || r == '\t':
			s.WriteRune(r)
		case r == utf8.RuneError && n == 1 && b[0] >= 0xa0:
			s.WriteByte(b[0]) // text in another encoding, unchanged
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&s, `\x%02x`, b[0]) // a control character in most encodings
		case !unicode.IsPrint(r):
			s.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			s.Write(b[:n])
		}
		b = b[n:]
	}
	return s.String()
}
