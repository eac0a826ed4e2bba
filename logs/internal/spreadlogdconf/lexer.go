package spreadlogdconf

import (
	"slices"
	"strings"

	"github.com/spreadd/spreadd/internal/conf"
)

//go:generate go tool -modfile=../../../.ci/tools/go.mod stringer -type=keyword -trimprefix=kw

// keyword is a word that spreadlogd's lexer knows (spreadlogd §3). The zero value means no keyword.
type keyword uint8

const (
	kwNone keyword = iota
	kwBufferSize
	kwCommonLogFormat
	kwFile
	kwGroup
	kwHost
	kwLoadModule
	kwLog
	kwMatch
	kwModuleDir
	kwModuleLog
	kwPerlHup
	kwPerlLib
	kwPerlLog
	kwPerlUse
	kwPort
	kwPythonImport
	kwPythonLib
	kwPythonLog
	kwRewriteTimestamp
	kwSpread
	kwVhostDir
	kwVhostGroup
)

func keywords() (names []string) {
	for k := kwNone + 1; k <= kwVhostGroup; k++ {
		names = append(names, k.String())
	}
	return names
}

// lookup returns the keyword that is spelled so, or kwNone.
func lookup(word string) keyword { return keyword(slices.Index(keywords(), word) + 1) }

// leadingKeyword returns the keyword of "Keyword=..." or "Keyword", which spreadlogd takes for one
// word if '=' is glued to it.
func leadingKeyword(word string) keyword {
	name, _, _ := strings.Cut(word, "=")
	return lookup(name)
}

type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokOpen
	tokClose
	tokWord   // bare
	tokQuoted // text is without its quotes
)

type token struct {
	kind    tokenKind
	text    string
	keyword keyword // of a bare word that is one
	pos     conf.Pos
	newLine bool // the first of its line
	// behind is the byte directly after the token, or 0 at the end.
	behind byte
}

// String returns the token as an error message shows it.
func (t token) String() string {
	switch t.kind {
	case tokEnd:
		return "the end of the file"
	case tokOpen:
		return `"{"`
	case tokClose:
		return `"}"`
	case tokWord, tokQuoted:
	}
	return quoteShort(t.text)
}

// lexer cuts a file into tokens. What a word is depends on its place, because '=' may be glued to a
// directive but also be part of a value; so the parser asks for what it needs: directive, equals,
// value or peek.
type lexer struct {
	conf.Cursor
	last int // line of the last token
}

// directive returns the next token where a directive may stand. Of "BufferSize=100" it is
// BufferSize.
func (l *lexer) directive() token {
	t := l.next()
	if t.kind != tokWord || t.keyword != kwNone {
		return t
	}
	if k := leadingKeyword(t.text); k != kwNone {
		l.Off -= len(t.text) - len(k.String())
		t.keyword, t.text, t.behind = k, k.String(), '='
	}
	return t
}

// equals passes one '=' and reports whether there was one. Its line counts as that of the last
// token.
func (l *lexer) equals() bool {
	l.Space()
	if !l.Take("=") {
		return false
	}
	l.last = l.Pos().Line
	return true
}

func (l *lexer) peek() token {
	saved := *l
	t := l.next()
	*l = saved
	return t
}

// next returns the next token, with '=' as part of words. The longest match wins, as in spreadlogd:
// `"a b"c` is the quoted `a b` and the bare `c`, but `"a"b` is one bare word that keeps its quotes.
func (l *lexer) next() token {
	l.Space()
	t := token{pos: l.Pos()}
	t.newLine = t.pos.Line != l.last
	rest := l.Rest()
	n := 1
	switch {
	case len(rest) == 0:
		return t
	case rest[0] == '{':
		t.kind = tokOpen
	case rest[0] == '}':
		t.kind = tokClose
	default:
		t.kind, n = scanWord(rest)
		t.text = rest[:n]
		if t.kind == tokQuoted {
			t.text = t.text[1 : n-1]
		} else {
			t.keyword = lookup(t.text)
		}
	}
	l.Off += n
	l.last = l.Pos().Line
	if n < len(rest) {
		t.behind = rest[n]
	}
	return t
}

// scanWord returns the kind and length of the word at the start of s, which is not empty and begins
// with no white space, brace or comment.
func scanWord(s string) (tokenKind, int) {
	bare := strings.IndexAny(s, " \t\r\n#{}")
	if bare < 0 {
		bare = len(s)
	}
	if s[0] == '"' || s[0] == '\'' {
		if end := strings.IndexByte(s[1:], s[0]); end >= 0 && end+2 >= bare {
			return tokQuoted, end + 2
		}
	}
	return tokWord, bare
}
