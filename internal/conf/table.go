package conf

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// document is what the tables of a file share.
type document struct {
	file   string
	places map[string]Pos
	errs   Errors
	tables []*Table
}

// Table is a table of a file, and what has been asked of it.
type Table struct {
	doc    *document
	path   string
	values map[string]any
	asked  []string // keys
}

// Parse reads a document. The error is an [Errors] with one mistake in the
// grammar; all others are told by [Table.Err] when the document has been read.
func Parse(file string, src []byte) (*Table, error) {
	var values map[string]any
	if _, err := toml.Decode(string(src), &values); err != nil {
		e := &Error{Pos: Pos{File: file}, Problem: err.Error()}
		if pe, ok := errors.AsType[toml.ParseError](err); ok {
			e.Pos.Line, e.Pos.Col = pe.Position.Line, max(pe.Position.Col, 1)
			e.Problem = pe.Message
		}
		return nil, Errors{e}
	}
	d := &document{file: file, places: findPlaces(file, string(src))}
	return d.table("", values), nil
}

func (d *document) table(path string, values map[string]any) *Table {
	t := &Table{doc: d, path: path, values: values}
	d.tables = append(d.tables, t)
	return t
}

// Err returns all mistakes that were found, keys that nobody has asked for
// among them, as an [Errors], or nil. It is called on any table, once, when all
// is read.
func (t *Table) Err() error {
	for _, t := range t.doc.tables {
		for key := range t.values {
			if slices.Contains(t.asked, key) {
				continue
			}
			advice := "known here: " + strings.Join(t.asked, ", ")
			if k := resembling(key, t.asked); k != "" {
				advice = "did you mean " + k + "?"
			}
			t.Errorf(key, advice, "unknown key %q", key)
		}
	}
	if len(t.doc.errs) == 0 {
		return nil
	}
	t.doc.errs.sort()
	return t.doc.errs
}

// Errorf adds a mistake about a key, or about the table where key is empty.
func (t *Table) Errorf(key, advice, format string, args ...any) {
	t.doc.errs = append(t.doc.errs, &Error{t.Pos(key), fmt.Sprintf(format, args...), advice})
}

// Pos returns where a key stands, or its table where it has none.
func (t *Table) Pos(key string) Pos {
	if key != "" {
		if p, ok := t.doc.places[child(t.path, key)]; ok {
			return p
		}
	}
	if p, ok := t.doc.places[t.path]; ok {
		return p
	}
	return Pos{File: t.doc.file}
}

// Has reports whether the table has a key.
func (t *Table) Has(key string) bool {
	t.ask(key)
	_, ok := t.values[key]
	return ok
}

// Keys returns the keys of a table whose keys are names of the user's, in alphabetical order. Who reads all of them has no
// unknown ones.
func (t *Table) Keys() []string { return slices.Sorted(maps.Keys(t.values)) }

func (t *Table) ask(key string) {
	if !slices.Contains(t.asked, key) {
		t.asked = append(t.asked, key)
	}
}

// get returns a value of one type; what names it for people.
func get[T any](t *Table, key, what string) (v T, ok bool) {
	t.ask(key)
	raw, there := t.values[key]
	if !there {
		return v, false
	}
	v, ok = raw.(T)
	if !ok {
		t.Errorf(key, "", "%s has to be %s, not %s", key, what, typeName(raw))
	}
	return v, ok
}

func typeName(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case int64:
		return "a whole number"
	case float64:
		return "a number"
	case bool:
		return "true or false"
	case time.Time:
		return "a date"
	case map[string]any:
		return "a table"
	default:
		return "a list"
	}
}

// String returns a string.
func (t *Table) String(key, def string) string {
	if v, ok := get[string](t, key, "a string"); ok {
		return v
	}
	return def
}

// Bool returns true or false.
func (t *Table) Bool(key string, def bool) bool {
	if v, ok := get[bool](t, key, "true or false"); ok {
		return v
	}
	return def
}

// Int returns a whole number of a range.
func (t *Table) Int(key string, def, lowest, highest int) int {
	v, ok := get[int64](t, key, "a whole number")
	if !ok {
		return def
	}
	if v < int64(lowest) || v > int64(highest) {
		t.Errorf(key, "", "%s is %d, which is not in %d to %d", key, v, lowest, highest)
		return def
	}
	return int(v)
}

// Float returns a number of a range, be it written as a whole one.
func (t *Table) Float(key string, def, lowest, highest float64) float64 {
	if v, ok := t.values[key].(int64); ok {
		t.values[key] = float64(v)
	}
	v, ok := get[float64](t, key, "a number")
	if !ok {
		return def
	}
	if !(v >= lowest && v <= highest) { // so that NaN is out of range too
		t.Errorf(key, "", "%s is %v, which is not in %v to %v", key, v, lowest, highest)
		return def
	}
	return v
}

// Duration returns a time as "90s", "24h" or "30d" say it, zero or more.
func (t *Table) Duration(key string, def time.Duration) time.Duration {
	s, ok := get[string](t, key, `a time such as "10s" or "30d"`)
	if !ok {
		return def
	}
	d, err := ParseDuration(s)
	if err != nil {
		t.Errorf(key, "", "%s: %v", key, err)
		return def
	}
	return d
}

// Bytes returns a number of bytes of a range: a whole number, or a string with
// a unit such as "64MiB".
func (t *Table) Bytes(key string, def, lowest, highest int64) int64 {
	var n Size
	switch v := t.values[key].(type) {
	case int64:
		t.ask(key)
		n = Size(v)
	default:
		s, ok := get[string](t, key, `a number of bytes or a string such as "64MiB"`)
		if !ok {
			return def
		}
		var err error
		if n, err = ParseSize(s); err != nil {
			t.Errorf(key, "", "%s: %v", key, err)
			return def
		}
	}
	if n < Size(lowest) || n > Size(highest) {
		t.Errorf(key, "", "%s is %s, which is not in %s to %s", key, n, Size(lowest), Size(highest))
		return def
	}
	return int64(n)
}

// Strings returns a list of strings; one string stands for a list of one.
func (t *Table) Strings(key string) []string {
	if s, ok := t.values[key].(string); ok {
		t.ask(key)
		return []string{s}
	}
	list, ok := get[[]any](t, key, "a list of strings")
	if !ok {
		return nil
	}
	texts := make([]string, 0, len(list))
	for i, v := range list {
		s, ok := v.(string)
		if !ok {
			t.ErrorAt(key, i, "", "%s has to be a list of strings, and here is %s", key, typeName(v))
			continue
		}
		texts = append(texts, s)
	}
	return texts
}

// ErrorAt adds a mistake about a member of a list.
func (t *Table) ErrorAt(key string, i int, advice, format string, args ...any) {
	pos, ok := t.doc.places[element(child(t.path, key), i)]
	if !ok {
		pos = t.Pos(key)
	}
	t.doc.errs = append(t.doc.errs, &Error{pos, fmt.Sprintf(format, args...), advice})
}

// Table returns a table, or nil if there is none.
func (t *Table) Table(key string) *Table {
	v, ok := get[map[string]any](t, key, "a table")
	if !ok {
		return nil
	}
	return t.doc.table(child(t.path, key), v)
}

// Tables returns a list of tables, written [[key]] or in brackets; one table
// stands for a list of one.
func (t *Table) Tables(key string) []*Table {
	path := child(t.path, key)
	switch v := t.values[key].(type) {
	case map[string]any:
		return []*Table{t.Table(key)}
	case []map[string]any:
		t.ask(key)
		tables := make([]*Table, len(v))
		for i := range v {
			tables[i] = t.doc.table(element(path, i), v[i])
		}
		return tables
	case []any:
		t.ask(key)
		tables := make([]*Table, 0, len(v))
		for i, raw := range v {
			values, ok := raw.(map[string]any)
			if !ok {
				t.ErrorAt(key, i, "", "%s has to be a list of tables, and here is %s", key, typeName(raw))
				continue
			}
			tables = append(tables, t.doc.table(element(path, i), values))
		}
		return tables
	default:
		_, _ = get[[]map[string]any](t, key, "a list of tables")
		return nil
	}
}

// Choice returns one of some words.
func (t *Table) Choice(key, def string, words ...string) string {
	s := t.String(key, def)
	if s != def && !slices.Contains(words, s) {
		t.Errorf(key, "", "%s is %q, and has to be one of %s", key, s, strings.Join(words, ", "))
		return def
	}
	return s
}

// Quote writes a string as a value: as it stands between single quotes where
// that can be, since patterns and paths are the better for it.
func Quote(s string) string {
	literal := !strings.ContainsFunc(s, func(r rune) bool { return r == '\'' || r < ' ' || r == 0x7f || r == 0xfffd })
	if literal && strings.ContainsAny(s, `\"`) {
		return "'" + s + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// QuoteList writes a list of strings.
func QuoteList(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = Quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
