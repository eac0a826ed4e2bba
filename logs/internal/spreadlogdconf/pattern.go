package spreadlogdconf

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"
)

// errBackReference is why a pattern with \1 to \9 is refused.
var errBackReference = errors.New(`back references (\1 to \9) are not supported`)

// compileEgrep compiles a pattern of Match, which is in GNU egrep's syntax (spreadlogd §10). ^ and
// $ match at inner newlines too, and a newline in the pattern separates alternatives.
func compileEgrep(pattern string) (*regexp.Regexp, error) {
	translated, err := translateEgrep(pattern)
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile("(?m:" + translated + ")")
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		return nil, errors.New(e.Code.String()) // e.Expr is not what the user wrote
	}
	return re, err
}

// translateEgrep writes a pattern in the syntax of package regexp. What both have is left as it is.
func translateEgrep(pattern string) (string, error) {
	var out strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '[':
			n := bracketLen(pattern[i:])
			// A backslash is an ordinary character between brackets.
			out.WriteString(strings.ReplaceAll(pattern[i:i+n], `\`, `\\`))
			i += n - 1
		case c == '\n':
			out.WriteByte('|')
		case c == '\\' && i+1 < len(pattern):
			i++
			s, err := translateEscape(pattern[i])
			if err != nil {
				return "", err
			}
			out.WriteString(s)
		case c == '(' && strings.HasPrefix(pattern[i:], "(?"):
			return "", errors.New(`"(?" has no meaning in egrep syntax`)
		default:
			out.WriteByte(c)
		}
	}
	return out.String(), nil
}

func translateEscape(c byte) (string, error) {
	switch {
	case c >= '1' && c <= '9':
		return "", errBackReference
	case c == '<' || c == '>':
		return `\b`, nil
	case c == '`':
		return `\A`, nil
	case c == '\'':
		return `\z`, nil
	case strings.IndexByte("bBsSwW", c) >= 0:
		return `\` + string(rune(c)), nil
	case c < 0x80:
		return regexp.QuoteMeta(string(rune(c))), nil
	default:
		return string([]byte{c}), nil
	}
}

// bracketLen returns the length of the bracket expression at the start of s, or of all of s if it
// has no end. A "]" directly at its start is a member of it, and so is one in a class such as
// [:alpha:].
func bracketLen(s string) int {
	i := 1
	if i < len(s) && s[i] == '^' {
		i++
	}
	if i < len(s) && s[i] == ']' {
		i++
	}
	for i < len(s) {
		switch {
		case s[i] == ']':
			return i + 1
		case s[i] == '[' && i+1 < len(s) && strings.IndexByte(":.=", s[i+1]) >= 0:
			end := strings.Index(s[i+2:], s[i+1:i+2]+"]")
			if end < 0 {
				return len(s)
			}
			i += end + 4
		default:
			i++
		}
	}
	return len(s)
}
