package tomlconf

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/internal/conf"
)

// places finds where the keys of a document stand, which the decoder does not tell of keys in
// arrays of tables. The document has been accepted by the decoder, so this only has to tell keys,
// strings and brackets apart; on a document that has not, places may be wrong, but nothing worse.
type places struct {
	file      string
	src       string
	off       int
	line      int                 // of the last place, from 0
	lineStart int                 // offset of that line
	arrays    map[string]int      // how many tables an array has so far
	found     map[string]conf.Pos // by path
}

// What stands between keys and values, and the words of the grammar.
var (
	space     = regexp.MustCompile(`^(?:[ \t\r\n]|#[^\n]*)*`)
	separator = regexp.MustCompile(`^(?:[ \t\r\n,]|#[^\n]*)*`)
	blank     = regexp.MustCompile(`^[ \t]*`)
	closing   = regexp.MustCompile(`^\]*`)
	bareKey   = regexp.MustCompile(`^[^ \t\r\n.=\]]*`)
	text      = regexp.MustCompile(`^(?s:"""(?:\\.|[^\\])*?(?:"{3,5}|$)|'''.*?(?:'{3,5}|$)|"(?:\\.|[^"\\\n])*"?|'[^'\n]*'?)`)
	scalar    = regexp.MustCompile(`^[^,\]}\r\n#]*`)
)

// child is the path of a key in a table, element that of a member of an array.
func child(path, key string) string     { return path + "." + key }
func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func findPlaces(file, src string) map[string]conf.Pos {
	p := &places{file: file, src: src, arrays: make(map[string]int), found: make(map[string]conf.Pos)}
	table := ""
	for p.pass(space); p.off < len(src); p.pass(space) {
		if pos := p.pos(); p.take("[") {
			array := p.take("[")
			table = p.table(p.key(), array, pos)
			p.pass(closing)
		} else {
			p.assignment(table)
		}
	}
	return p.found
}

func (p *places) pos() conf.Pos {
	passed := p.src[p.lineStart:p.off]
	p.line += strings.Count(passed, "\n")
	p.lineStart += strings.LastIndexByte(passed, '\n') + 1
	return conf.Pos{File: p.file, Line: p.line + 1, Col: p.off - p.lineStart + 1}
}

// pass passes what an expression matches, and returns it.
func (p *places) pass(expression *regexp.Regexp) string {
	s := expression.FindString(p.src[p.off:])
	p.off += len(s)
	return s
}

// take passes a sign if it is next.
func (p *places) take(sign string) bool {
	ok := strings.HasPrefix(p.src[p.off:], sign)
	if ok {
		p.off += len(sign)
	}
	return ok
}

// note keeps the first place of a path.
func (p *places) note(path string, pos conf.Pos) {
	if _, ok := p.found[path]; !ok {
		p.found[path] = pos
	}
}

func (p *places) key() (parts []string) {
	for {
		p.pass(blank)
		part := strings.Trim(p.pass(text), `"'`)
		parts = append(parts, part+p.pass(bareKey))
		p.pass(blank)
		if !p.take(".") {
			return parts
		}
	}
}

// table returns the path of a table that the header at pos names, and notes it and those around it
// that have no header of their own.
func (p *places) table(parts []string, array bool, pos conf.Pos) string {
	path := ""
	for i, part := range parts {
		path = child(path, part)
		p.note(path, pos)
		switch n, ok := p.arrays[path]; {
		case i == len(parts)-1 && array:
			p.arrays[path] = n + 1
			path = element(path, n)
		case ok:
			path = element(path, n-1)
		}
	}
	p.found[path] = pos
	return path
}

func (p *places) assignment(path string) {
	pos, begin := p.pos(), p.off
	for _, part := range p.key() {
		path = child(path, part)
		p.note(path, pos)
	}
	p.take("=")
	p.pass(blank)
	p.value(path)
	p.move(begin)
}

// move passes a byte if none was passed since begin. No document that the decoder accepts needs it.
func (p *places) move(begin int) {
	if p.off == begin {
		p.off++
	}
}

func (p *places) value(path string) {
	switch {
	case p.pass(text) != "":
	case p.take("["):
		for i := 0; !p.end("]"); i++ {
			begin := p.off
			p.found[element(path, i)] = p.pos()
			p.value(element(path, i))
			p.move(begin)
		}
	case p.take("{"):
		for !p.end("}") {
			p.assignment(path)
		}
	default:
		p.pass(scalar)
	}
}

// end passes what may stand between the members of an array or a table, and its end if that is next.
func (p *places) end(sign string) bool {
	p.pass(separator)
	return p.take(sign) || p.off == len(p.src)
}
