package tomlconf

import (
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/internal/conf"
)

// places finds where the keys of a document stand, which the decoder does not tell of keys in
// arrays of tables. The document has been accepted by the decoder, so this only has to tell keys,
// strings and brackets apart; on a document that has not, places may be wrong, but nothing worse.
type places struct {
	src    string
	off    int
	line   int
	start  int // of the line
	file   string
	arrays map[string]int      // how many tables an array has so far
	found  map[string]conf.Pos // by path
}

// child is the path of a key in a table, element that of a member of an array.
func child(path, key string) string     { return path + "." + key }
func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
func (p *places) more() bool            { return p.off < len(p.src) }
func (p *places) pos() conf.Pos {
	return conf.Pos{File: p.file, Line: p.line, Col: p.off - p.start + 1}
}
func (p *places) at(prefix string) bool        { return strings.HasPrefix(p.src[p.off:], prefix) }
func (p *places) note(path string, q conf.Pos) { p.found[path] = q }

func findPlaces(file, src string) map[string]conf.Pos {
	p := &places{src: src, line: 1, file: file, arrays: make(map[string]int), found: make(map[string]conf.Pos)}
	prefix := ""
	for p.space(); p.more(); p.space() {
		pos := p.pos()
		switch {
		case p.at("[["):
			p.skip(2)
			prefix = p.table(p.key(), true, pos)
			p.rest("]")
		case p.at("["):
			p.skip(1)
			prefix = p.table(p.key(), false, pos)
			p.rest("]")
		default:
			p.assignment(prefix)
		}
	}
	return p.found
}

// skip passes n bytes.
func (p *places) skip(n int) {
	for range n {
		if !p.more() {
			return
		}
		if p.src[p.off] == '\n' {
			p.line++
			p.start = p.off + 1
		}
		p.off++
	}
}

// space passes white space, newlines and comments.
func (p *places) space() {
	for p.more() {
		switch p.src[p.off] {
		case ' ', '\t', '\r', '\n':
			p.skip(1)
		case '#':
			p.until("\n")
		default:
			return
		}
	}
}

// until passes what stands before the next s.
func (p *places) until(s string) {
	n := strings.Index(p.src[p.off:], s)
	if n < 0 {
		n = len(p.src) - p.off
	}
	p.skip(n)
}

// rest passes all of the characters of a set.
func (p *places) rest(set string) {
	for p.more() && strings.IndexByte(set, p.src[p.off]) >= 0 {
		p.skip(1)
	}
}

// key reads a dotted key.
func (p *places) key() []string {
	var parts []string
	for {
		p.rest(" \t")
		begin := p.off
		if p.at(`"`) || p.at("'") {
			p.text()
			parts = append(parts, strings.Trim(p.src[begin:p.off], `"'`))
		} else {
			for p.more() && strings.IndexByte(" \t\r\n.=]", p.src[p.off]) < 0 {
				p.skip(1)
			}
			parts = append(parts, p.src[begin:p.off])
		}
		p.rest(" \t")
		if !p.at(".") {
			return parts
		}
		p.skip(1)
	}
}

// table returns the path of a table that the header at pos names, and notes it and those around it
// that have no header of their own.
func (p *places) table(parts []string, array bool, pos conf.Pos) string {
	path := ""
	for i, part := range parts {
		path = child(path, part)
		if _, ok := p.found[path]; !ok {
			p.note(path, pos)
		}
		switch n, ok := p.arrays[path]; {
		case i == len(parts)-1 && array:
			p.arrays[path] = n + 1
			path = element(path, n)
		case ok:
			path = element(path, n-1)
		}
	}
	p.note(path, pos)
	return path
}

// assignment reads a key and passes its value.
func (p *places) assignment(prefix string) {
	pos, begin := p.pos(), p.off
	for _, part := range p.key() {
		prefix = child(prefix, part)
		if _, ok := p.found[prefix]; !ok {
			p.note(prefix, pos)
		}
	}
	if p.at("=") {
		p.skip(1)
	}
	p.rest(" \t")
	p.value(prefix)
	if p.off == begin { // no document that the decoder accepts comes here
		p.skip(1)
	}
}

func (p *places) value(path string) {
	switch {
	case p.at(`"`) || p.at("'"):
		p.text()
	case p.at("["):
		p.skip(1)
		for i := 0; ; i++ {
			p.separator()
			if !p.more() || p.at("]") {
				p.skip(1)
				return
			}
			begin := p.off
			p.note(element(path, i), p.pos())
			p.value(element(path, i))
			if p.off == begin {
				p.skip(1)
			}
		}
	case p.at("{"):
		p.skip(1)
		for {
			p.separator()
			if !p.more() || p.at("}") {
				p.skip(1)
				return
			}
			p.assignment(path)
		}
	default:
		for p.more() && strings.IndexByte(",]}\r\n#", p.src[p.off]) < 0 {
			p.skip(1)
		}
	}
}

// separator passes what may stand between the members of an array or a table.
func (p *places) separator() {
	for p.space(); p.at(","); p.space() {
		p.skip(1)
	}
}

// text passes a string of any kind.
func (p *places) text() {
	quote := p.src[p.off : p.off+1]
	if long := strings.Repeat(quote, 3); p.at(long) {
		p.skip(3)
		for p.more() && !p.at(long) {
			p.escape(quote)
		}
		p.skip(3)
		p.rest(quote) // up to two may stand before the end
		return
	}
	p.skip(1)
	for p.more() && !p.at(quote) && !p.at("\n") {
		p.escape(quote)
	}
	if p.at(quote) {
		p.skip(1)
	}
}

// escape passes a character of a string.
func (p *places) escape(quote string) {
	if quote == `"` && p.at(`\`) {
		p.skip(1)
	}
	p.skip(1)
}
