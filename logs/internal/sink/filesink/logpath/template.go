package logpath

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:generate go tool -modfile=../../../../../.ci/tools/go.mod stringer -type=Field -linecomment

// Field is a name in a message.
type Field uint8

// The fields.
const (
	Group Field = iota // group
	VHost              // vhost
	Host               // host
	User               // user
	numFields
)

// limit returns the length of the field in a path, in bytes, at most.
func (f Field) limit() int {
	if f == VHost {
		return MaxName
	}
	return maxShort
}

// Names are the fields of a message.
type Names [numFields]string

// maxElement is the length of an element of a path, in bytes, at most: file systems allow 255, and
// rotation and compression append something.
const maxElement = 255 - 32

// piece is a part of a template: a literal, a field or a time verb.
type piece struct {
	literal string
	verb    byte // a time verb; 0 if none
	isField bool
	field   Field
}

// Template is a path with placeholders for names and times. It is immutable.
type Template struct {
	text   string
	pieces []piece
	fields []Field // in the order of the path, each once
	timed  bool
	base   string
	match  *regexp.Regexp
	groups []string // the field of each submatch of match, or ""
}

// Parse parses a template and makes it absolute.
func Parse(text string) (*Template, error) {
	if text == "" {
		return nil, errors.New("the path is empty: name a file")
	}
	abs, err := filepath.Abs(text)
	if err != nil {
		return nil, err
	}
	t := &Template{text: abs}
	if err := t.parse(); err != nil {
		return nil, err
	}
	if err := t.checkLength(); err != nil {
		return nil, err
	}
	t.base = filepath.Dir(t.literal())
	return t, t.compile()
}

// Escape returns a template for a path that is to be taken literally.
func Escape(text string) string { return strings.ReplaceAll(text, "%", "%%") }

// verbs are the time verbs, with patterns for their values.
var verbs = map[byte]string{
	'Y': `\d{4}`, 'm': `\d\d`, 'd': `\d\d`, 'H': `\d\d`, 'M': `\d\d`, 'S': `\d\d`,
	'y': `\d\d`, 'j': `\d{3}`, 'G': `\d{4}`, 'V': `\d\d`, 'F': `\d{4}-\d\d-\d\d`,
}

func (t *Template) parse() error {
	for rest := t.text; rest != ""; {
		literal, after, found := strings.Cut(rest, "%")
		t.add(literal)
		if !found {
			return nil
		}
		switch {
		case after == "":
			return errors.New("a % stands at the end: write %% for the sign itself")
		case after[0] == '%':
			t.add("%")
			rest = after[1:]
		case after[0] == '{':
			name, behind, ok := strings.Cut(after[1:], "}")
			if !ok {
				return errors.New("%{ has no }")
			}
			if err := t.addField(name); err != nil {
				return err
			}
			rest = behind
		case verbs[after[0]] != "":
			t.pieces = append(t.pieces, piece{verb: after[0]})
			t.timed = true
			rest = after[1:]
		default:
			return fmt.Errorf("%%%c is not known: there are %%Y %%m %%d %%H %%M %%S %%y %%j %%G %%V %%F, %%{group} %%{vhost} %%{host} %%{user}, and %%%% for the sign itself", after[0])
		}
	}
	return nil
}

func (t *Template) add(literal string) {
	if n := len(t.pieces); n > 0 && t.pieces[n-1].verb == 0 && !t.pieces[n-1].isField {
		t.pieces[n-1].literal += literal
	} else if literal != "" {
		t.pieces = append(t.pieces, piece{literal: literal})
	}
}

func (t *Template) addField(name string) error {
	for f := range numFields {
		if f.String() == name {
			t.pieces = append(t.pieces, piece{isField: true, field: f})
			if !t.Uses(f) {
				t.fields = append(t.fields, f)
			}
			return nil
		}
	}
	return fmt.Errorf("%%{%s} is not known: there are %%{group}, %%{vhost}, %%{host} and %%{user}", name)
}

// checkLength rejects a template with an element that could become too long.
func (t *Template) checkLength() error {
	n := 0
	for _, p := range t.pieces {
		switch {
		case p.isField:
			n += p.field.limit()
		case p.verb != 0:
			n += len("2006-01-02")
		}
		for i, element := range strings.Split(p.literal, string(filepath.Separator)) {
			if i > 0 {
				n = 0
			}
			n += len(element)
		}
		if n > maxElement {
			return fmt.Errorf("an element of the path could become %d bytes long, and at most %d are possible: spread the names over directories", n, maxElement)
		}
	}
	return nil
}

// literal returns the text in front of the first placeholder.
func (t *Template) literal() string {
	if p := t.pieces[0]; p.verb == 0 && !p.isField {
		if len(t.pieces) > 1 {
			return p.literal + "x" // so that a slash at its end counts
		}
		return p.literal
	}
	return ""
}

// String returns the template as text, absolute.
func (t *Template) String() string { return t.text }

// Base returns the longest directory without placeholders. It contains all paths of the template.
func (t *Template) Base() string { return t.base }

// Static reports whether there is only one path.
func (t *Template) Static() bool { return !t.timed && len(t.fields) == 0 }

// Timed reports whether the path depends on the time.
func (t *Template) Timed() bool { return t.timed }

// Fields returns the fields on which the path depends.
func (t *Template) Fields() []Field { return t.fields }

// Uses reports whether the path depends on a field.
func (t *Template) Uses(f Field) bool {
	return slices.Contains(t.fields, f)
}

// Append appends the path for a message. The time is taken in its own location.
func (t *Template) Append(dst []byte, n *Names, at time.Time) []byte {
	for i := range t.pieces {
		switch p := &t.pieces[i]; {
		case p.isField:
			dst = appendName(dst, n[p.field], p.field.limit())
		case p.verb != 0:
			dst = appendTime(dst, p.verb, at)
		default:
			dst = append(dst, p.literal...)
		}
	}
	return dst
}

// AppendPeriod appends the period of a time: messages with equal names and periods have the same
// path.
func (t *Template) AppendPeriod(dst []byte, at time.Time) []byte {
	for i := range t.pieces {
		if p := &t.pieces[i]; p.verb != 0 {
			dst = append(appendTime(dst, p.verb, at), ' ')
		}
	}
	return dst
}

func appendTime(dst []byte, verb byte, at time.Time) []byte {
	switch verb {
	case 'F':
		return at.AppendFormat(dst, time.DateOnly)
	case 'Y':
		return appendNumber(dst, at.Year(), 4)
	case 'm':
		return appendNumber(dst, int(at.Month()), 2)
	case 'd':
		return appendNumber(dst, at.Day(), 2)
	case 'H':
		return appendNumber(dst, at.Hour(), 2)
	case 'M':
		return appendNumber(dst, at.Minute(), 2)
	case 'S':
		return appendNumber(dst, at.Second(), 2)
	case 'y':
		return appendNumber(dst, at.Year()%100, 2)
	case 'j':
		return appendNumber(dst, at.YearDay(), 3)
	}
	year, week := at.ISOWeek()
	if verb == 'G' {
		return appendNumber(dst, year, 4)
	}
	return appendNumber(dst, week, 2)
}

// appendNumber appends n with leading zeros.
func appendNumber(dst []byte, n, digits int) []byte {
	for limit := 10; digits > 1; digits-- {
		if n < limit {
			dst = append(dst, "0000"[:digits-1]...)
			break
		}
		limit *= 10
	}
	return strconv.AppendInt(dst, int64(n), 10)
}
