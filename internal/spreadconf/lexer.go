package spreadconf

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/internal/conf"
)

// lexer cuts a file into tokens. The longest match wins, and among equal ones the earlier row of
// the table in spread-conf §2: that is why "Window=50" is one word and "alpha;" is a name.
type lexer struct {
	conf.Cursor
	warn func(Pos, Code, string)
}

// next returns the next token; at the end of the file one of kindEOF, as often as it is asked.
// After an error it continues after the offending text.
func (l *lexer) next() (token, *Error) {
	for l.Space(); l.Rest() != ""; l.Space() {
		switch c := l.Rest()[0]; c {
		case '{':
			return l.take(kindOpen, 1), nil
		case '}':
			return l.take(kindClose, 1), nil
		case '!':
			// With more on its line "!" beats every word, because that match runs to the end of the
			// line; alone it is a word.
			if line, _, _ := strings.Cut(l.Rest(), "\n"); len(line) > 1 {
				return l.take(kindBang, 1), nil
			}
			return l.takeWord(1)
		case '"', '\'':
			return l.quoted(c)
		case '[':
			if t, ok, err := l.bracketed(); ok || err != nil {
				return t, err
			}
			l.stray(c)
		case ']', '\v', '\f':
			l.stray(c)
		default:
			return l.takeWord(l.wordLen())
		}
	}
	return token{kind: kindEOF, pos: l.Pos()}, nil
}

func (l *lexer) take(k kind, n int) token {
	t := token{kind: k, pos: l.Pos(), text: l.Rest()[:n]}
	l.Off += n
	return t
}

func (l *lexer) stray(c byte) {
	what := map[byte]string{'[': "`[`", ']': "`]`", '\v': "vertical tab", '\f': "form feed"}[c]
	l.warn(l.Pos(), WarnStrayCharacter, "stray "+what+" ignored; remove it")
	l.Off++
}

func (l *lexer) wordLen() int {
	if n := strings.IndexAny(l.Rest(), " \t\r\n\v\f#{}[]"); n >= 0 {
		return n
	}
	return len(l.Rest())
}

// quoted reads from a quote on: up to its partner, unless a word is longer. The word is, when there
// is no partner or text is glued to it.
func (l *lexer) quoted(quote byte) (token, *Error) {
	word := l.wordLen()
	i := strings.IndexByte(l.Rest()[1:], quote)
	if i < 0 || i+2 < word {
		l.warn(l.Pos(), WarnQuoteKept, "the quote in "+show(l.Rest()[:word])+
			" is taken as part of the word; close it and put white space after it")
		return l.takeWord(word)
	}
	t := l.take(kindWord, i+2)
	t.word = t.text[1 : i+1]
	return t, l.refuseNUL(t)
}

func (l *lexer) takeWord(n int) (token, *Error) {
	t := l.take(kindWord, n)
	t.word = t.text
	if err := l.refuseNUL(t); err != nil {
		return t, err
	}
	if m := addrForm.FindStringSubmatch(t.text); m != nil {
		return l.address(t, cmp.Or(m[1], t.text), m[2])
	}
	t.kind = classify(t.text)
	if t.kind == kindNumber {
		t.number, _ = strconv.Atoi(t.text) // nine digits at most
	}
	return t, nil
}

// refuseNUL stops at a zero byte: C daemons end the word there, and the file is not what its author
// believes.
func (l *lexer) refuseNUL(t token) *Error {
	if strings.IndexByte(t.text, 0) < 0 {
		return nil
	}
	return &Error{
		Pos: t.pos, Token: t.text, Code: CodeSyntax,
		Problem: "found a zero byte in " + show(t.text), Expected: "text",
		Advice: "save the file as ASCII or UTF-8",
	}
}

// isPort reports whether s is one to five digits; more make a word.
func isPort(s string) bool { return len(s) <= 5 && allIn(s, isDigit) }

// address finishes a token that has the form of an address. If it turns out not to be an address, it
// stays a word.
func (l *lexer) address(t token, ip, port string) (token, *Error) {
	addr, _ := netip.ParseAddr(ip)
	if !addr.IsValid() {
		l.warn(t.pos, WarnNotAnAddress, show(t.text)+
			" looks like an address but is not valid, and is taken as a name; write each number from 0 to 255 without leading zeros")
		return t, nil
	}
	t.kind, t.addr = kindAddr, addr
	if port == "" {
		return t, nil
	}
	t.kind = kindAddrPort
	n, _ := strconv.Atoi(port) // five digits at most
	if n > 65535 {
		return t, &Error{
			Pos: t.pos, Token: t.text, Code: CodePortRange,
			Problem: "found port " + port + " in " + show(t.text), Expected: "a port from 0 to 65535",
			Advice: "choose another port; 0 stands for 4803",
		}
	}
	t.port = uint16(n)
	return t, nil
}

// bracketed reads "[IPv6]:port". For anything else, the brackets are stray.
func (l *lexer) bracketed() (token, bool, *Error) {
	m := bracketForm.FindStringSubmatch(l.Rest())
	if m == nil {
		return token{}, false, nil
	}
	if addr, _ := netip.ParseAddr(m[1]); !addr.IsValid() {
		return token{}, false, nil // the same text is warned about once more, as a word
	}
	t, err := l.address(l.take(kindWord, len(m[0])), m[1], m[2])
	return t, true, err
}
