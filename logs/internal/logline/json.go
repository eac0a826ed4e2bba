package logline

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// valueKind is what the value of a member is.
type valueKind uint8

const (
	valueText    valueKind = iota // a string, without its quotes
	valueLiteral                  // a number, true, false or null
	valueObject
	valueArray
)

// member is a member of an object, or an element of an array, which has no key. Texts point into
// the input and still have their escapes.
type member struct {
	key     []byte
	value   []byte // of texts and literals
	at      int    // where the value begins in the input
	kind    valueKind
	escaped bool // the value has a backslash
}

// A scanner reads JSON objects from their beginning, as far as they go: a line that was cut has the
// members in front of the cut. It takes all that encoding/json takes, and more, because it skips
// what it need not know.
type scanner struct {
	text []byte
	at   int
	cut  bool // the text ended too early, or is not JSON
}

// next returns the next member of the object or array that the scanner is in. The caller enters
// an object or an array by calling next again, or leaves it out with skip. more is false behind the
// last member.
func (s *scanner) next(object bool) (m member, more bool) {
	c := s.token()
	if c == ',' {
		s.at++
		c = s.token()
	}
	if c == '}' || c == ']' {
		s.at++
		s.cut = s.cut || object != (c == '}')
		return m, false
	}
	if object {
		if m.key, _ = s.string(); s.cut || s.token() != ':' {
			s.cut = true
			return m, false
		}
		s.at++
		c = s.token()
	}
	m.at = s.at
	switch c {
	case '"':
		m.at++
		m.value, m.escaped = s.string()
	case '{':
		m.kind = valueObject
		s.at++
	case '[':
		m.kind = valueArray
		s.at++
	default:
		m.kind = valueLiteral
		for s.at < len(s.text) && isLiteral(s.text[s.at]) {
			s.at++
		}
		m.value = s.text[m.at:s.at]
		// Only what follows shows that a number was not cut.
		s.cut = s.cut || len(m.value) == 0 || s.at == len(s.text)
	}
	return m, !s.cut
}

// isLiteral reports whether a number, true, false or null may have the byte.
func isLiteral(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '-' || c == '+' || c == '.' || c == 'E'
}

// token skips white space and returns the byte behind it, or 0 at the end.
func (s *scanner) token() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	s.cut = true
	return 0
}

// string reads a string.
func (s *scanner) string() (text []byte, escaped bool) {
	if s.token() != '"' {
		s.cut = true
		return nil, false
	}
	b := s.text[s.at+1:]
	n := bytes.IndexByte(b, '"')
	if n >= 0 && bytes.IndexByte(b[:n], '\\') >= 0 {
		escaped = true
		for n = 0; n < len(b) && b[n] != '"'; n++ {
			if b[n] == '\\' {
				n++
			}
		}
	}
	if n < 0 || n >= len(b) {
		s.at, s.cut = len(s.text), true
		return nil, false
	}
	s.at += n + 2
	return b[:n], escaped
}

// skip leaves the object or array that next has returned.
func (s *scanner) skip() {
	for depth := 1; depth > 0; {
		switch c := s.token(); {
		case s.cut:
			return
		case c == '"':
			s.string()
		case c == '{' || c == '[':
			depth++
			s.at++
		case c == '}' || c == ']':
			depth--
			s.at++
		default:
			s.at++
		}
	}
}

// AppendUnescaped appends the text that a string with escapes stands for. Escapes that JSON does not have
// stay as they are.
func AppendUnescaped(dst, text []byte) []byte {
	for len(text) > 0 {
		n := bytes.IndexByte(text, '\\')
		if n < 0 || n+1 == len(text) {
			return append(dst, text...)
		}
		dst = append(dst, text[:n]...)
		c := text[n+1]
		rest := text[n+2:]
		switch c {
		case '"', '\\', '/':
			dst = append(dst, c)
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, ok := hex4(rest)
			if !ok {
				dst = append(dst, '\\', 'u')
				break
			}
			rest = rest[4:]
			if utf16.IsSurrogate(r) {
				low, ok := rune(0), false
				if len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
					low, ok = hex4(rest[2:])
				}
				if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
					rest = rest[6:]
				}
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, '\\', c)
		}
		text = rest
	}
	return dst
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// jsonAt returns where the JSON text of a line begins, or -1: at its start, or behind a virtual
// host, a syslog header, or the cookie @cee:. JSON behind other text, such as a request that an
// application logs, is a part of that text.
func jsonAt(line []byte) int {
	if len(line) > 0 && line[0] == '{' {
		return 0
	}
	i := bytes.IndexByte(line, '"') - 1
	for i > 0 && line[i] == ' ' {
		i--
	}
	if i < 1 || line[i] != '{' {
		return -1
	}
	head := bytes.TrimLeft(line[:i], " \t")
	switch {
	case len(head) == 0, endsHeader(head):
		return i
	case bytes.IndexByte(head, ' ') == len(head)-1 && !isLevel(head[:len(head)-1]):
		return i
	}
	return -1
}

// maxSpaces is how many spaces a syslog header has: <PRI>VERSION TIME HOST APP PROCID MSGID - TEXT.
const maxSpaces = 7

// endsHeader reports whether JSON may follow a text because that is a syslog header, or ends with the
// cookie.
func endsHeader(head []byte) bool {
	ends := func(text string) bool { return bytes.HasSuffix(head, []byte(text)) }
	if ends("]: ") || ends("@cee:") || ends("@cee: ") {
		return true
	}
	if head[0] != '<' || bytes.Count(head, []byte{' '}) > maxSpaces {
		return false
	}
	return ends(": ") || ends("- ") || ends("] ") || ends(">") || ends("\ufeff")
}

// isLevel reports whether a word is in capitals, as the levels of logs are, and host names are not.
func isLevel(word []byte) bool {
	for _, c := range word {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}
