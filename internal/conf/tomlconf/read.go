package tomlconf

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/spreadd/spreadd/internal/conf"
)

// Checker is a struct with rules that tags cannot express. Check reports what breaks them. It is
// called after the keys of its table have been read, also if there were mistakes among them.
type Checker interface{ Check(t *Table) }

// Read reads a document into the struct that v points to, by the tags of its fields (see the
// package comment). Keys that the document does not have are set to their defaults. name stands for
// the file in messages. The error is a [conf.Errors] with all mistakes, or with one mistake in the
// grammar alone.
func Read(name string, src []byte, v any) ([]conf.Warning, error) {
	text := conf.Text(src)
	var values map[string]any
	if _, err := toml.Decode(text, &values); err != nil {
		e := &conf.Error{Pos: conf.Pos{File: name}, Problem: err.Error()}
		if pe, ok := errors.AsType[toml.ParseError](err); ok {
			e.Pos.Line, e.Pos.Col = pe.Position.Line, max(pe.Position.Col, 1)
			// It names the type that the number is too large for.
			e.Problem, _, _ = strings.Cut(pe.Message, " for int64")
		}
		return nil, conf.Errors{e}
	}
	SetDefaults(v)
	d := &document{file: name, places: findPlaces(name, text)}
	d.table("", values, reflect.ValueOf(v).Elem())
	d.errs.Sort()
	conf.SortWarnings(d.warnings)
	if len(d.errs) > 0 {
		return d.warnings, d.errs
	}
	return d.warnings, nil
}

// document is what the tables of a file share.
type document struct {
	file     string
	places   map[string]conf.Pos // by path
	errs     conf.Errors
	warnings []conf.Warning
}

// Table is a table of a document. A [Checker] reports mistakes about its keys.
type Table struct {
	doc    *document
	path   string
	values map[string]any
	former map[string]string // paths of values that were given by a former key
}

// Has reports whether the table has a key, under its name of today or a former one.
func (t *Table) Has(key string) bool {
	_, ok := t.values[key]
	return ok
}

// Pos returns where a key is, or the table if it does not have the key.
func (t *Table) Pos(key string) conf.Pos {
	for _, path := range []string{t.pathOf(key), t.path} {
		if p, ok := t.doc.places[path]; ok {
			return p
		}
	}
	return conf.Pos{File: t.doc.file}
}

// pathOf returns the path by which the place of a key is known.
func (t *Table) pathOf(key string) string {
	return cmp.Or(t.former[key], child(t.path, key))
}

// Errorf reports a mistake about a key, or about the table if it does not have the key.
func (t *Table) Errorf(key, advice, format string, args ...any) {
	t.doc.errorf(t.Pos(key), advice, format, args...)
}

// ErrorAt reports a mistake about the entry i of a list.
func (t *Table) ErrorAt(key string, i int, advice, format string, args ...any) {
	pos, ok := t.doc.places[element(t.pathOf(key), i)]
	if !ok {
		pos = t.Pos(key)
	}
	t.doc.errorf(pos, advice, format, args...)
}

func (d *document) errorf(pos conf.Pos, advice, format string, args ...any) {
	d.errs = append(d.errs, &conf.Error{Pos: pos, Problem: fmt.Sprintf(format, args...), Advice: advice})
}

// table reads a table into a struct that has its defaults.
func (d *document) table(path string, values map[string]any, v reflect.Value) {
	t := &Table{doc: d, path: path, values: values, former: make(map[string]string)}
	fields := fieldsOf(v.Type())
	for i := range fields {
		t.rename(&fields[i])
	}
	known := make([]string, len(fields))
	for i := range fields {
		f := &fields[i]
		known[i] = f.key
		raw, ok := values[f.key]
		switch {
		case ok:
			t.value(f, raw, v.Field(f.index))
		case f.required && f.kind == kindTable:
			t.Errorf("", "add "+f.help, "missing [[%s]]", f.key)
		case f.required:
			t.Errorf("", "add the "+f.help, "missing key %q", f.key)
		}
	}
	for key := range values {
		if slices.Contains(known, key) {
			continue
		}
		advice := "known here: " + strings.Join(known, ", ")
		if k := conf.Suggest(key, known); k != "" {
			advice = "did you mean " + k + "?"
		}
		t.Errorf(key, advice, "unknown key %q", key)
	}
	if c, ok := reflect.TypeAssert[Checker](v.Addr()); ok {
		c.Check(t)
	}
}

// rename moves what stands under the former names of a key to its name of today.
func (t *Table) rename(f *field) {
	for _, old := range f.old {
		raw, ok := t.values[old]
		if b, isBool := raw.(bool); isBool && f.oldBool != [2]string{} {
			t.renameBool(f, old, b)
			continue
		}
		if !ok || !t.warnOld(old, f.key, t.Has(f.key)) {
			continue
		}
		delete(t.values, old)
		// Zero was another way to leave a key out, and negative times meant none.
		if n, isInt := raw.(int64); isInt && n == 0 && f.kind != kindInt {
			continue
		}
		if s, isText := raw.(string); isText && f.kind == kindDuration {
			if n, err := time.ParseDuration(s); err == nil && n == 0 {
				continue
			} else if err == nil && n < 0 {
				raw = "0s"
			}
		}
		t.values[f.key] = raw
		t.former[f.key] = child(t.path, old)
	}
	for _, m := range f.moved {
		raw, ok := t.values[m.from]
		if _, isTable := raw.(map[string]any); !ok || isTable {
			continue
		}
		in, _ := t.values[f.key].(map[string]any)
		if in == nil {
			in = make(map[string]any)
		}
		if _, both := in[m.to]; !t.warnOld(m.from, f.key+"."+m.to, both) {
			continue
		}
		delete(t.values, m.from)
		in[m.to] = raw
		t.values[f.key] = in
		t.doc.places[child(child(t.path, f.key), m.to)] = t.doc.places[child(t.path, m.from)]
	}
}

// renameBool replaces a former key, which was true or false, by the value of today.
func (t *Table) renameBool(f *field, old string, was bool) {
	is := f.oldBool[0]
	if was {
		is = f.oldBool[1]
	}
	if is == "" {
		t.warnf(old, "%s = %v is the default now: remove it", old, was)
		delete(t.values, old)
		return
	}
	var raw any = is
	if f.kind == kindBool {
		raw = is == "true"
	} else {
		is = strconv.Quote(is)
	}
	if t.Has(f.key) {
		t.Errorf(old, "remove "+old, "%s is the former name of %s, and both are set", old, f.key)
	} else {
		t.warnf(old, "%s = %v is now %s = %s", old, was, f.key, is)
		t.values[f.key] = raw
		t.former[f.key] = child(t.path, old)
	}
	delete(t.values, old)
}

// warnOld warns of a former key. If the document has its name of today, too, that is a mistake.
func (t *Table) warnOld(old, key string, both bool) bool {
	if both {
		t.Errorf(old, "remove "+old, "%s is the former name of %s, and both are set", old, key)
		delete(t.values, old)
		return false
	}
	t.warnf(old, "%s is now called %s", old, key)
	return true
}

// warnf warns about a key.
func (t *Table) warnf(key, format string, args ...any) {
	t.doc.warnings = append(t.doc.warnings, conf.Warning{Pos: t.Pos(key), Text: fmt.Sprintf(format, args...)})
}

func (t *Table) value(f *field, raw any, v reflect.Value) {
	path := t.pathOf(f.key)
	switch f.shape {
	case single:
		t.one(f, path, raw, v)
	case optional:
		v.Set(reflect.New(f.elem))
		setDefaults(v.Elem())
		t.one(f, path, raw, v.Elem())
	case named:
		t.names(f, raw, v)
	case list:
		// One entry stands for a list of one.
		var entries []any
		switch raw := raw.(type) {
		case []any:
			entries = raw
		case []map[string]any:
			for _, in := range raw {
				entries = append(entries, in)
			}
		default:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			t.entry(f, path, raw, v.Index(0))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(entries), len(entries)))
		for i, raw := range entries {
			t.entry(f, element(path, i), raw, v.Index(i))
		}
	}
}

// names reads a table whose keys are names, and whose values are texts.
func (t *Table) names(f *field, raw any, v reflect.Value) {
	in, ok := raw.(map[string]any)
	if !ok {
		t.wrong(f, t.Pos(f.key), raw)
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, name := range slices.Sorted(maps.Keys(in)) {
		one := reflect.New(f.elem).Elem()
		t.one(f, child(t.pathOf(f.key), name), in[name], one)
		v.SetMapIndex(reflect.ValueOf(name), one)
	}
}

func (t *Table) entry(f *field, path string, raw any, v reflect.Value) {
	if f.kind == kindTable {
		setDefaults(v)
	}
	t.one(f, path, raw, v)
}

func (t *Table) one(f *field, path string, raw any, v reflect.Value) {
	pos, known := t.doc.places[path]
	if !known {
		pos = t.Pos(f.key)
	}
	label := f.key
	if f.shape == named {
		label = strings.TrimPrefix(path, child(t.path, "")) // with the name
	}
	if in, ok := raw.(map[string]any); ok && f.kind == kindTable {
		t.doc.table(path, in, v)
		return
	}
	if n, ok := raw.(int64); ok && f.kind == kindInt && v.OverflowInt(n) { // keys of small types have bounds
		t.doc.errorf(pos, "", "%s is %d, want %s", label, n, f.bounds())
		return
	}
	text, _ := raw.(string)
	ok, err := f.store(raw, v)
	switch {
	case !ok:
		t.wrong(f, pos, raw)
	case err != nil:
		t.doc.errorf(pos, "", "%s: %v", label, err)
	case len(f.enum) > 0 && !slices.Contains(f.enum, text):
		advice := ""
		if k := conf.Suggest(text, f.enum); k != "" {
			advice = "did you mean " + k + "?"
		}
		t.doc.errorf(pos, advice, "%s is %q, want %s", label, text, conf.OneOf(f.enum))
	case (f.min != "" || f.max != "") && !f.inBounds(v):
		t.doc.errorf(pos, "", "%s is %v, want %s", label, v, f.bounds())
	}
}

// store stores a value of the document in a field. ok is false if it is of another type than the
// field.
func (f *field) store(raw any, v reflect.Value) (ok bool, err error) {
	text, isText := raw.(string)
	whole, isWhole := raw.(int64)
	switch f.kind {
	case kindText:
		if isText {
			u, _ := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr()) // it has: it is a kindText
			err = u.UnmarshalText([]byte(text))
		}
		return isText, err
	case kindString:
		v.SetString(text)
		return isText, nil
	case kindDuration:
		var d time.Duration
		if isText {
			d, err = conf.ParseDuration(text)
		}
		v.SetInt(int64(d))
		return isText, err
	case kindSize:
		n := conf.Size(whole)
		if isText {
			n, err = conf.ParseSize(text)
		}
		v.SetInt(int64(n))
		return isText || isWhole, err
	case kindBool:
		b, isBool := raw.(bool)
		v.SetBool(b)
		return isBool, nil
	case kindInt:
		v.SetInt(whole)
		return isWhole, nil
	case kindFloat:
		n, isFloat := raw.(float64)
		if isWhole {
			n = float64(whole)
		}
		v.SetFloat(n)
		return isFloat || isWhole, nil
	default: // kindTable
		return false, nil
	}
}

func (t *Table) wrong(f *field, pos conf.Pos, raw any) {
	t.doc.errorf(pos, "", "%s must be %s, not %s", f.key, f.need(), typeName(raw))
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
