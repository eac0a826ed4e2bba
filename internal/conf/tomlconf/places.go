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
	conf.Cursor
	arrays map[string]int      // how many tables an array has so far
	found  map[string]conf.Pos // by path
}

// What stands between keys and values, and the words of the grammar.
var (
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
	p := &places{
		Cursor: conf.Cursor{File: file, Text: src},
		arrays: make(map[string]int), found: make(map[string]conf.Pos),
	}
	table := ""
	for p.Space(); p.Rest() != ""; p.Space() {
		if pos := p.Pos(); p.Take("[") {
			array := p.Take("[")
			table = p.table(p.key(), array, pos)
			p.Pass(closing)
		} else {
			p.assignment(table)
		}
	}
	return p.found
}

// note keeps the first place of a path.
func (p *places) note(path string, pos conf.Pos) {
	if _, ok := p.found[path]; !ok {
		p.found[path] = pos
	}
}

func (p *places) key() (parts []string) {
	for {
		p.Pass(blank)
		part := strings.Trim(p.Pass(text), `"'`)
		parts = append(parts, part+p.Pass(bareKey))
		p.Pass(blank)
		if !p.Take(".") {
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
	pos, begin := p.Pos(), p.Off
	for _, part := range p.key() {
		path = child(path, part)
		p.note(path, pos)
	}
	p.Take("=")
	p.Pass(blank)
	p.value(path)
	p.move(begin)
}

// move passes a byte if none was passed since begin. No document that the decoder accepts needs it.
func (p *places) move(begin int) {
	if p.Off == begin {
		p.Off++
	}
}

func (p *places) value(path string) {
	switch {
	case p.Pass(text) != "":
	case p.Take("["):
		for i := 0; !p.end("]"); i++ {
			begin := p.Off
			p.found[element(path, i)] = p.Pos()
			p.value(element(path, i))
			p.move(begin)
		}
	case p.Take("{"):
		for !p.end("}") {
			p.assignment(path)
		}
	default:
		p.Pass(scalar)
	}
}

// end passes what may stand between the members of an array or a table, and its end if that is next.
func (p *places) end(sign string) bool {
	p.Pass(separator)
	return p.Take(sign) || p.Rest() == ""
}
