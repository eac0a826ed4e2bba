package spreadlogdconf

import (
	"bytes"
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
	file string
	src  []byte
	off  int
	line int // of off, from 1
	bol  int // offset of the beginning of that line
	last int // line of the last token
}

func newLexer(file string, src []byte) *lexer {
	l := &lexer{file: file, src: src, line: 1}
	// Editors of some systems put a byte order mark in front.
	if bytes.HasPrefix(src, []byte("\xef\xbb\xbf")) {
		l.off, l.bol = 3, 3
	}
	return l
}

func (l *lexer) pos() conf.Pos { return conf.Pos{File: l.file, Line: l.line, Col: l.off - l.bol + 1} }

func (l *lexer) skip() {
	for ; l.off < len(l.src); l.off++ {
		switch l.src[l.off] {
		case ' ', '\t', '\r':
		case '\n':
			l.line++
			l.bol = l.off + 1
		case '#':
			n := bytes.IndexByte(l.src[l.off:], '\n')
			if n < 0 {
				l.off = len(l.src)
				return
			}
			l.off += n - 1
		default:
			return
		}
	}
}

// directive returns the next token where a directive may stand. Of "BufferSize=100" it is
// BufferSize.
func (l *lexer) directive() token {
	t := l.next()
	if t.kind != tokWord || t.keyword != kwNone {
		return t
	}
	if k := leadingKeyword(t.text); k != kwNone {
		l.off -= len(t.text) - len(k.String())
		t.keyword, t.text, t.behind = k, k.String(), '='
	}
	return t
}

// equals passes one '=' and reports whether there was one. Its line counts as that of the last
// token.
func (l *lexer) equals() bool {
	l.skip()
	if l.off == len(l.src) || l.src[l.off] != '=' {
		return false
	}
	l.off++
	l.last = l.line
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
	l.skip()
	t := token{pos: l.pos(), newLine: l.line != l.last}
	rest := l.src[l.off:]
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
		t.text = string(rest[:n])
		if t.kind == tokQuoted {
			t.text = t.text[1 : n-1]
		} else {
			t.keyword = lookup(t.text)
		}
	}
	l.advance(n)
	if l.off < len(l.src) {
		t.behind = l.src[l.off]
	}
	return t
}

// advance passes n bytes, which may hold newlines if quoted.
func (l *lexer) advance(n int) {
	text := l.src[l.off : l.off+n]
	if lines := bytes.Count(text, []byte{'\n'}); lines > 0 {
		l.line += lines
		l.bol = l.off + bytes.LastIndexByte(text, '\n') + 1
	}
	l.off += n
	l.last = l.line
}

// scanWord returns the kind and length of the word at the start of b, which is not empty and begins
// with no white space, brace or comment.
func scanWord(b []byte) (tokenKind, int) {
	bare := bytes.IndexAny(b, " \t\r\n#{}")
	if bare < 0 {
		bare = len(b)
	}
	if b[0] == '"' || b[0] == '\'' {
		if end := bytes.IndexByte(b[1:], b[0]); end >= 0 && end+2 >= bare {
			return tokQuoted, end + 2
		}
	}
	return tokWord, bare
}
