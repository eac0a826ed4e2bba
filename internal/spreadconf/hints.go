package spreadconf

import (
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/internal/conf"
)

// This file turns a token that cannot stand where it does into an error that says what to write
// instead. The parser comes here only to fail: notValue is for a look-ahead that is no value, and so
// on.

func found(t token) string {
	if t.kind == kindEOF {
		return "found the end of the file"
	}
	return "found " + show(t.text)
}

// unexpected returns an error about the look-ahead, or the lexer's error that kept it from being read.
func (p *parser) unexpected(code Code, expected, advice string) *Error {
	if p.bad != nil {
		return p.bad
	}
	err := fail(p.tok, code, found(p.tok), advice)
	err.Expected = expected
	return err
}

// peek returns the text of the token after the look-ahead, to be quoted in advice.
func (p *parser) peek() string {
	ahead := p.lex
	ahead.warn = func(Pos, Code, string) {}
	t, _ := ahead.next()
	return t.text
}

// notTopLevel: the look-ahead begins neither segment nor option. Before the first segment the C
// daemon says that there is none, hence the code.
func (p *parser) notTopLevel() *Error {
	code := CodeSyntax
	if len(p.cfg.Segments) == 0 {
		code = CodeNoSegments
	}
	return p.unexpected(code, "an option, Spread_Segment or the end of the file", p.topLevelAdvice())
}

func (p *parser) topLevelAdvice() string {
	t := p.tok
	switch t.kind {
	case kindClose:
		return "remove it, or look for a `{` missing before it"
	case kindSemicolon:
		if p.lastOption != nil {
			return "options end without a semicolon; remove it"
		}
	case kindEquals:
		if p.lastOption != nil && p.lastOption.form == formNone {
			return p.lastOption.name + " takes no value; remove the `=` and what follows"
		}
	case kindVirtualID:
		return "VirtualID belongs to a daemon, after its address and inside the braces of its segment"
	case kindWord:
		if advice := p.gluedAdvice(); advice != "" {
			return advice
		}
		if p.lastOption != nil && p.lastOption.isAuthList() {
			return "put quotes around several methods, as in `" + p.lastOption.name + " = \"NULL IP\"`"
		}
		if near := nearKeyword(t.word); near != "" {
			return "write `" + near + "`; case matters"
		}
	case kindEOF, kindOpen, kindColon, kindBang, kindSegment, kindOption, kindBool, kindTri,
		kindFlag, kindRole, kindPriority, kindAddr, kindAddrPort, kindNumber:
	}
	if p.lastOption != nil && t.pos.Line == p.prev.pos.Line && p.lastOption.form != formNone {
		return p.lastOption.name + " takes one value; quote it if it has spaces"
	}
	return "remove it, or make it a comment with `#`"
}

// gluedAdvice is for "Window=50", "Window= 50" and the like.
func (p *parser) gluedAdvice() string {
	left, right, glued := strings.Cut(p.tok.text, "=")
	if !glued {
		return ""
	}
	name := left
	if near := nearKeyword(left); near != "" {
		name = near
	} else if left == "" {
		return ""
	}
	if right == "" {
		right = p.peek()
	}
	return spaced(name, right)
}

func spaced(name, value string) string {
	return "write `" + strings.TrimRight(name+" = "+value, " ") + "`, with white space on both sides of the `=`"
}

// nearKeyword returns the word that may begin a line at top level and that s most likely stands
// for, or "".
func nearKeyword(s string) string {
	words := []string{wordSegment}
	for i := range optionTable {
		words = append(words, optionTable[i].name)
	}
	return conf.Suggest(s, words)
}

func (p *parser) notEquals(key token) *Error {
	advice := "write `" + key.text + " = VALUE`"
	switch t := p.tok; {
	case t.kind == kindWord && len(t.text) > 1 && t.text[0] == '=':
		advice = spaced(key.text, t.text[1:])
	case t.kind == kindOpen:
		advice = "write `" + key.text + " = { ... }`"
	case t.kind == kindAddr || t.kind == kindAddrPort || t.kind == kindWord || t.kind.reserved() && t.kind != kindOption && t.kind != kindSegment:
		advice = "write `" + key.text + " = " + t.text + "`"
	}
	return p.unexpected(CodeSyntax, "`=` after "+key.text, advice)
}

func (p *parser) notValue(opt *option, key token) *Error {
	expected, advice := "a value", "write `"+key.text+" = VALUE`, with the value in quotes if it has spaces"
	switch opt.form {
	case formBool:
		expected = "true, false, yes or no"
		advice = "write `" + key.text + " = true` or `" + key.text + " = false`"
	case formTri:
		expected = "on, off or auto"
		advice = "write `" + key.text + " = on`, `off` or `auto`"
	case formNumber:
		return p.notNumber(key, "a number")
	case formPriority:
		expected = "pDEBUG, INFO, WARNING, ERROR, CRITICAL or FATAL"
		advice = "write one of these, in exactly this case"
		if p.tok.text == "DEBUG" {
			advice = "write `EventPriority = pDEBUG`; DEBUG is one of the DebugFlags"
		}
	case formWord, formStamp:
		switch {
		case opt.name == "ActiveIPVersion":
			expected, advice = "IPv4 or IPv6", "write `ActiveIPVersion = IPv4` or `ActiveIPVersion = IPv6`"
		case p.tok.kind.reserved() && p.tok.pos.Line == key.pos.Line:
			advice = reservedAdvice(p.tok, key.text+" = ")
		}
	case formNone, formFlags: // never come here
	}
	return p.unexpected(CodeSyntax, p.valueOf(expected, key), advice)
}

// valueOf names the option that a value is for, and its line if it is not the look-ahead's: the
// value may be missing at the end of that.
func (p *parser) valueOf(what string, key token) string {
	what += " for " + key.text
	if p.tok.pos.Line != key.pos.Line {
		what += " of line " + strconv.Itoa(key.pos.Line)
	}
	return what
}

// reservedAdvice says how to write a reserved word or a number where a word is wanted; before is
// the text in front of it.
func reservedAdvice(t token, before string) string {
	what := "the word is reserved"
	if t.kind == kindNumber {
		what = "a bare number is not a word"
	}
	return what + "; quote it, as in `" + before + "\"" + t.text + "\"`"
}

func (p *parser) notNumber(key token, expected string) *Error {
	t := p.tok
	advice := "write `" + key.text + " = NUMBER`, with up to nine digits"
	if t.kind == kindWord {
		switch {
		case t.text != t.word:
			advice = "remove the quotes"
		case allIn(t.text, isDigit):
			advice = "write at most nine digits"
		case strings.HasPrefix(t.text, "0x"), strings.HasPrefix(t.text, "0X"):
			advice = "write the number in decimal"
		case t.text[0] == '-' || t.text[0] == '+':
			advice = "write the number without a sign"
		}
	}
	return p.unexpected(CodeSyntax, p.valueOf(expected, key), advice)
}

func (p *parser) notFlagsOpen() *Error {
	advice := "write `DebugFlags = { PRINT EXIT }`"
	if p.tok.kind == kindFlag {
		advice = "write `DebugFlags = { " + p.tok.text + " }`"
	}
	return p.unexpected(CodeSyntax, "`{`", advice)
}

func (p *parser) notFlag(key token) *Error {
	t := p.tok
	advice := "the flags are ALL NONE " + strings.Join(strings.Fields(strings.Join(flagNames[:], " ")), " ")
	upper := strings.ToUpper(t.text)
	switch {
	case t.kind == kindEOF:
		advice = "close the list of line " + strconv.Itoa(key.pos.Line) + " with `}`"
	case t.kind != kindWord:
	case t.text == "!":
		advice = "put the `!` and its flag on one line"
	case strings.Contains(t.text, ","):
		advice = "separate flags with white space only, as in `{ PRINT EXIT }`"
	default:
		if _, ok := flagOf(upper); ok {
			advice = "write `" + upper + "`; case matters"
		}
	}
	return p.unexpected(CodeSyntax, "a flag or `}`", advice)
}

func (p *parser) notSegmentAddr() *Error {
	t := p.tok
	advice := "write `Spread_Segment ADDRESS:PORT {`"
	if t.kind == kindWord && len(t.text) > 0 {
		host, port, hasPort := strings.Cut(t.text, ":")
		switch {
		case looksLikeAddr(t.text), looksIPv4(host) && hasPort && isPort(port):
			advice = "this is not a valid address: write each number from 0 to 255 without leading zeros"
		case looksIPv4(host) && hasPort:
			advice = "write a port from 0 to 65535 after the colon"
		default:
			advice = "names are not looked up here; write the address in numbers, as in `239.1.2.3:4803`"
		}
	}
	return p.unexpected(CodeSyntax, "the address of the segment", advice)
}

func (p *parser) notSegmentOpen() *Error {
	t := p.tok
	advice := "write `{` before the daemons of the segment"
	switch {
	case t.kind == kindAddrPort:
		advice = "only the first address of a segment has a port, which applies to all; write `" + bare(t) + "`"
	case t.kind == kindWord && len(t.text) > 1 && t.text[0] == ':' && isPort(t.text[1:]):
		addr := p.prev.addr.String()
		if p.prev.addr.Is6() {
			addr = "[" + addr + "]"
		}
		advice = "write `" + addr + t.text + "`, without white space"
		if p.prev.addr.Is4() {
			advice += " or brackets"
		}
	}
	return p.unexpected(CodeSyntax, "`{` or another address", advice)
}

func bare(t token) string { return t.addr.String() }

func (p *parser) notDaemon(seg *Segment) *Error {
	t := p.tok
	advice, ok := map[kind]string{
		kindEOF:       "close the segment of line " + strconv.Itoa(seg.Pos.Line) + " with `}`",
		kindOption:    "options go outside segments; close the segment with `}` first, or quote the name of a daemon",
		kindSegment:   "close the segment of line " + strconv.Itoa(seg.Pos.Line) + " with `}` first",
		kindVirtualID: "VirtualID goes between the address of a daemon and its interface list",
		kindAddrPort:  "the port of a daemon is that of its segment; write `" + bare(t) + "`",
		kindSemicolon: "a daemon is followed by one semicolon at most; remove this one",
		kindEquals:    "there is no `=` between a name and its address: write `NAME ADDRESS`",
		kindBang:      "names cannot begin with `!`; quote it",
	}[t.kind]
	switch {
	case ok:
	case t.kind.reserved():
		advice = reservedAdvice(t, "")
	default:
		advice = "write `NAME ADDRESS` for each daemon"
	}
	return p.unexpected(CodeSyntax, "a daemon or `}`", advice)
}

// lookupFailed: name has no address, and what follows it is not an address either. Where that is
// the mistake, the error points at it.
func (p *parser) lookupFailed(name token, cause error) *Error {
	next := p.tok
	code := CodeLookupFailed
	about := "the name " + show(name.word) + " alone cannot be looked up"
	pointed := func(advice string) *Error {
		err := fail(next, code, found(next), advice)
		err.Expected = "the address of daemon " + show(name.word) + ", because " + about
		err.Err = cause
		return err
	}
	near := next.pos.Line == name.pos.Line
	switch {
	case near && next.kind == kindAddrPort:
		return pointed("the port of a daemon is that of its segment; write `" + name.text + " " + bare(next) + "`")
	case near && next.kind == kindEquals:
		return pointed("there is no `=` between a name and its address: write `" + name.text + " ADDRESS`")
	case near && next.kind == kindVirtualID:
		return pointed("VirtualID goes after the address")
	case near && next.kind == kindWord && looksLikeAddr(next.text):
		return pointed(addrAdvice(next.text))
	case next.kind == kindWord && looksNumeric(next.text):
		return pointed("an IPv4 address has four numbers, as in `10.0.0.1`")
	}
	advice := "write its address after it, or make the name resolve on all hosts"
	left, right, glued := strings.Cut(name.text, "=")
	switch {
	case glued && strings.EqualFold(left, wordVirtualID):
		advice = spaced(wordVirtualID, right)
	case looksLikeAddr(name.word):
		advice = addrAdvice(name.word)
	case looksNumeric(name.word):
		advice = "an IPv4 address has four numbers, as in `10.0.0.1`, and goes behind the name of its daemon"
	}
	err := fail(name, code, "cannot look up daemon "+show(name.word), advice)
	err.Err = cause
	return err
}

// addrAdvice says how to write an address that has the wrong form here.
func addrAdvice(s string) string {
	if strings.Contains(s, ":") {
		return "write IPv6 addresses in hexadecimal groups, without dots"
	}
	return "write each number of an address from 0 to 255, without leading zeros"
}

func (p *parser) notInterface(open token, lettersSeen bool) *Error {
	t := p.tok
	upper := strings.ToUpper(t.text)
	expected := "an interface address, M, C, D or `}`"
	if lettersSeen {
		expected = "an interface address or another of M, C and D"
	}
	advice := "write the IP address of the interface"
	switch {
	case t.kind == kindEOF:
		advice = "close the interface list of line " + strconv.Itoa(open.pos.Line) + " with `}`"
	case t.kind == kindAddrPort:
		advice = "the port is that of the segment; write `" + bare(t) + "`"
	case t.kind == kindClose:
		advice = "write the address that the letters are for"
	case t.kind == kindWord && strings.Trim(upper, "DCM") == "" && upper != "":
		advice = "write `" + strings.Join(strings.Split(upper, ""), " ") + "`; letters are capitals and stand apart"
	}
	return p.unexpected(CodeSyntax, expected, advice)
}
