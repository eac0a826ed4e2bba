package tomlconf

import (
	"encoding"
	"reflect"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/internal/conf"
)

// field describes a key: a field of a struct, by its tags.
type field struct {
	key      string       // toml
	help     string       // one sentence for people
	def      string       // default; empty means the zero value
	min, max string       // bounds of a number, size or duration
	enum     []string     // the words that are allowed; empty means any
	old      []string     // former names
	oldBool  [2]string    // what false and true meant under a former name; empty means nothing
	moved    []move       // former keys of this table that stood beside it
	required bool         // it must be given
	either   string       // key that is given in its place
	inline   bool         // a list of tables is written in brackets
	index    int          // of the field in its struct
	kind     kind         // of a value, or of each one in a list or map
	shape    shape        // how many of them
	elem     reflect.Type // of one
}

// move is a former key that is now in a table: spool_bytes is spool.size.
type move struct{ from, to string }

type kind uint8

const (
	kindText kind = iota // with an UnmarshalText of its own
	kindString
	kindBool
	kindInt
	kindFloat
	kindSize
	kindDuration
	kindTable // a struct
)

// shape says how values stand together.
type shape uint8

const (
	single   shape = iota
	optional       // a pointer to a table, nil without one
	list
	named // a table whose keys are names
)

// needs are what the kinds are called in messages, and in tables of keys.
var needs = [...]string{
	kindText: "a string", kindString: "a string", kindBool: "true or false", kindInt: "a whole number", kindFloat: "a number",
	kindSize: `a size such as "64MiB"`, kindDuration: `a duration such as "30s"`, kindTable: "a table",
}

func (f *field) need() string {
	switch {
	case f.shape == list && f.kind == kindTable:
		return "a list of tables"
	case f.shape == list:
		return "a list of strings"
	case f.shape == named:
		return needs[kindTable]
	default:
		return needs[f.kind]
	}
}

// isHeading reports whether the values of a key are written below a heading.
func (f *field) isHeading() bool { return f.kind == kindTable && !f.inline }

func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		key := sf.Tag.Get("toml")
		if key == "" {
			continue
		}
		f := field{
			key: key, help: sf.Tag.Get("help"), def: sf.Tag.Get("default"), min: sf.Tag.Get("min"), max: sf.Tag.Get("max"),
			oldBool: [2]string{sf.Tag.Get("oldfalse"), sf.Tag.Get("oldtrue")}, required: sf.Tag.Get("required") != "", either: sf.Tag.Get("either"), inline: sf.Tag.Get("inline") != "", index: i, elem: sf.Type,
		}
		if words := sf.Tag.Get("enum"); words != "" {
			f.enum = strings.Split(words, ",")
		}
		for old := range strings.FieldsSeq(sf.Tag.Get("old")) {
			if from, to, ok := strings.Cut(old, "="); ok {
				f.moved = append(f.moved, move{from, to})
			} else {
				f.old = append(f.old, old)
			}
		}
		switch sf.Type.Kind() {
		case reflect.Slice:
			f.shape, f.elem = list, sf.Type.Elem()
		case reflect.Map:
			f.shape, f.elem = named, sf.Type.Elem()
		case reflect.Pointer:
			f.shape, f.elem = optional, sf.Type.Elem()
		default:
		}
		f.kind = kindOf(f.elem)
		fields = append(fields, f)
	}
	return fields
}

func kindOf(t reflect.Type) kind {
	switch {
	case t == reflect.TypeFor[conf.Size]():
		return kindSize
	case t == reflect.TypeFor[conf.Duration]():
		return kindDuration
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return kindText
	}
	switch t.Kind() {
	case reflect.Bool:
		return kindBool
	case reflect.Int, reflect.Int16, reflect.Int64:
		return kindInt
	case reflect.Float64:
		return kindFloat
	case reflect.Struct:
		return kindTable
	default:
		return kindString
	}
}

// SetDefaults sets all keys of a struct, and of the structs within, to their defaults. v points to
// it.
func SetDefaults(v any) { setDefaults(reflect.ValueOf(v).Elem()) }

func setDefaults(v reflect.Value) {
	for _, f := range fieldsOf(v.Type()) {
		switch {
		case f.shape == single && f.kind == kindTable:
			setDefaults(v.Field(f.index))
		case f.shape == single:
			v.Field(f.index).Set(f.parse(f.def))
		default: // a list without an entry, or no table
		}
	}
}

// parse returns the value that a text in a tag stands for. Tags are right, or tests fail.
func (f *field) parse(text string) reflect.Value {
	v := reflect.New(f.elem).Elem()
	if text == "" {
		return v
	}
	var raw any = text
	var err error
	switch f.kind {
	case kindBool:
		raw = text == "true"
	case kindInt:
		raw, err = strconv.ParseInt(text, 10, 64)
	case kindFloat:
		raw, err = strconv.ParseFloat(text, 64)
	default: // the document has texts, too
	}
	if err == nil {
		_, err = f.store(raw, v)
	}
	if err != nil {
		panic("tomlconf: the tag of " + f.key + ": " + err.Error())
	}
	return v
}

func (f *field) inBounds(v reflect.Value) bool {
	if v.CanFloat() {
		n := v.Float() // NaN is out of all bounds
		return (f.min == "" || n >= f.parse(f.min).Float()) && (f.max == "" || n <= f.parse(f.max).Float())
	}
	n := v.Int()
	return (f.min == "" || n >= f.parse(f.min).Int()) && (f.max == "" || n <= f.parse(f.max).Int())
}

func (f *field) bounds() string {
	switch {
	case f.max == "":
		return "at least " + f.min
	case f.min == "":
		return "at most " + f.max
	default:
		return f.min + " to " + f.max
	}
}
