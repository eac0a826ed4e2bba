package traffic

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean returns text that is safe to show. Everything that unicode.IsPrint does not count as
// visible, and that could control a terminal, change the direction of text or hide something,
// becomes an escape as in Go, \x1b or \u202e: control bytes, bytes that are not UTF-8, line ends,
// spaces other than ' ', direction marks. Up to four combining characters in a row stay. It does
// not escape HTML.
func Clean(s string) string {
	marks := 0
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !visible(r, n, &marks) {
			return escape(s, i)
		}
		i += n
	}
	return s
}

// maxMarks is how many combining characters may follow each other: no script needs more, and
// stacked they cover other lines.
const maxMarks = 4

func visible(r rune, n int, marks *int) bool {
	if r >= ' ' && r <= '~' {
		*marks = 0
		return true
	}
	if r == utf8.RuneError && n <= 1 || !unicode.IsPrint(r) {
		return false
	}
	if !unicode.In(r, unicode.M) {
		*marks = 0
		return true
	}
	*marks++
	return *marks <= maxMarks
}

// escape is Clean for text that is visible up to from.
func escape(s string, from int) string {
	var b strings.Builder
	b.WriteString(s[:from])
	marks := maxMarks
	for i := from; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case visible(r, n, &marks):
			b.WriteString(s[i : i+n])
		case r == utf8.RuneError && n <= 1:
			b.WriteString(`\x` + hexByte(s[i]))
		default:
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		}
		i += n
	}
	return b.String()
}

func hexByte(c byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[c>>4], digits[c&15]})
}
