package container

import (
	"bytes"
	"encoding/json"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/logs/internal/logline"
)

//go:generate go tool -modfile=../../../../.ci/tools/go.mod stringer -type=Format -linecomment

// Format is how the lines of a file contain those of a program.
type Format uint8

// The formats. With Plain they are those of the program.
const (
	Plain  Format = iota // plain
	Docker               // docker
	CRI                  // cri
	numFormats
)

// ParseFormat parses plain, docker or cri.
func ParseFormat(s string) (Format, error) { return conf.ParseEnum("format", s, numFormats) }

// record is a line of a file.
type record struct {
	text    []byte // of the program, without newline
	escaped bool   // as in JSON
	stream  int    // 0 for standard output, 1 for standard error
	partial bool   // the next record of the stream continues the line
}

// parse takes a line apart, without its newline.
func (f Format) parse(line []byte) (r record, ok bool) {
	switch f {
	case Docker:
		return parseDocker(line)
	case CRI:
		return parseCRI(line)
	case Plain, numFormats:
	}
	return record{text: line}, true
}

func parseCRI(line []byte) (r record, ok bool) {
	_, rest, ok1 := bytes.Cut(line, []byte{' '})
	stream, rest, ok2 := bytes.Cut(rest, []byte{' '})
	tags, text, _ := bytes.Cut(rest, []byte{' '})
	tag, _, _ := bytes.Cut(tags, []byte{':'})
	r = record{text: text, partial: string(tag) == "P"}
	switch string(stream) {
	case "stdout":
	case "stderr":
		r.stream = 1
	default:
		return r, false
	}
	return r, ok1 && ok2 && (r.partial || string(tag) == "F")
}

// parseDocker is fast for the members in Docker's order.
func parseDocker(line []byte) (r record, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"log":"`))
	if !ok {
		return parseObject(line)
	}
	end := 0
	for end < len(rest) && rest[end] != '"' {
		if rest[end] == '\\' {
			r.escaped = true
			end++
		}
		end++
	}
	if end >= len(rest) {
		return r, false
	}
	r.text, rest = rest[:end], rest[end+1:]
	switch {
	case bytes.HasPrefix(rest, []byte(`,"stream":"stdout"`)):
	case bytes.HasPrefix(rest, []byte(`,"stream":"stderr"`)):
		r.stream = 1
	default:
		return parseObject(line)
	}
	text, whole := bytes.CutSuffix(r.text, []byte(`\n`))
	if whole && (len(text)-len(bytes.TrimRight(text, `\`)))%2 == 1 { // a backslash and an n
		text, whole = r.text, false
	}
	r.partial = !whole
	r.escaped = bytes.IndexByte(text, '\\') >= 0
	r.text = text
	return r, true
}

func parseObject(line []byte) (r record, ok bool) {
	var o struct {
		Log    *string `json:"log"`
		Stream string  `json:"stream"`
	}
	if json.Unmarshal(line, &o) != nil || o.Log == nil {
		return r, false
	}
	text, whole := bytes.CutSuffix([]byte(*o.Log), []byte{'\n'})
	r = record{text: text, partial: !whole}
	if o.Stream == "stderr" {
		r.stream = 1
	}
	return r, true
}

// Whole returns the length of the whole lines that b begins with and behind which no line is partial.
func (f Format) Whole(b []byte) (n int) {
	if f == Plain {
		return bytes.LastIndexByte(b, '\n') + 1
	}
	var open [2]bool
	for at := 0; ; {
		end := bytes.IndexByte(b[at:], '\n') + 1
		if end == 0 {
			return n
		}
		if r, ok := f.parse(b[at : at+end-1]); ok {
			open[r.stream] = r.partial
		}
		at += end
		if !open[0] && !open[1] {
			n = at
		}
	}
}

// Decoder takes lines out of records. The zero value is ready for use.
type Decoder struct {
	Text []byte // the lines of the last call of Decode, each with its newline
	Bad  int64  // records in another format, in all

	ends []end
	open [2][]byte // the partial line of each stream
}

// end is a place behind which no line is partial: in the text, and in what was decoded.
type end struct{ text, read int }

// Decode decodes whole lines of a file. A partial line at their end becomes a line.
func (d *Decoder) Decode(f Format, b []byte) {
	d.Text, d.ends = d.Text[:0], d.ends[:0]
	for at := 0; at < len(b); {
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 {
			n = len(b) - at
		}
		line := b[at : at+n]
		at = min(at+n+1, len(b))
		r, ok := f.parse(line)
		if !ok {
			d.Bad++
			d.Text = append(append(d.Text, line...), '\n')
		} else {
			d.add(&r)
		}
		if len(d.open[0]) == 0 && len(d.open[1]) == 0 {
			d.ends = append(d.ends, end{len(d.Text), at})
		}
	}
	for i := range d.open {
		if len(d.open[i]) > 0 {
			d.add(&record{stream: i})
		}
	}
	if len(b) > 0 {
		d.ends = append(d.ends, end{len(d.Text), len(b)})
	}
}

func (d *Decoder) add(r *record) {
	open := &d.open[r.stream]
	from := len(*open)
	if r.escaped {
		*open = logline.AppendUnescaped(*open, r.text)
	} else {
		*open = append(*open, r.text...)
	}
	for i, c := range (*open)[from:] { // a line of a program has none, and it would make two of one record
		if c == '\n' {
			(*open)[from+i] = ' '
		}
	}
	if r.partial {
		return
	}
	d.Text = append(append(d.Text, *open...), '\n')
	*open = (*open)[:0]
}

// Read returns how many bytes of what was decoded the first n bytes of Text are made of.
func (d *Decoder) Read(n int) (read int) {
	for _, e := range d.ends {
		if e.text > n {
			break
		}
		read = e.read
	}
	return read
}
