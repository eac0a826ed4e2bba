package tomlconf

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/internal/conf"
)

// Format writes the struct that v points to as a document that [Read] reads back to the same. Keys
// that have their defaults are left out.
func Format(v any) string {
	var w writer
	w.table("", reflect.ValueOf(v).Elem())
	return strings.TrimPrefix(w.out.String(), "\n")
}

type writer struct{ out strings.Builder }

// table writes the keys of a table, those with headings of their own last.
func (w *writer) table(path string, v reflect.Value) {
	fields := fieldsOf(v.Type())
	for i := range fields {
		f := &fields[i]
		if fv := v.Field(f.index); !f.isHeading() && !f.isDefault(fv) {
			fmt.Fprintf(&w.out, "%s = %s\n", f.key, f.format(fv))
		}
	}
	for i := range fields {
		f := &fields[i]
		if !f.isHeading() {
			continue
		}
		inner := strings.TrimPrefix(child(path, f.key), ".")
		switch fv := v.Field(f.index); f.shape {
		case optional:
			if !fv.IsNil() {
				w.heading("["+inner+"]", inner, fv.Elem())
			}
		case list:
			for i := range fv.Len() {
				w.heading("[["+inner+"]]", inner, fv.Index(i))
			}
		default:
			var body writer
			if body.table(inner, fv); body.out.Len() > 0 {
				w.heading("["+inner+"]", inner, fv)
			}
		}
	}
}

func (w *writer) heading(line, path string, v reflect.Value) {
	w.out.WriteString("\n" + line + "\n")
	w.table(path, v)
}

func (f *field) isDefault(v reflect.Value) bool {
	if f.shape == list || f.shape == named {
		return v.Len() == 0
	}
	return reflect.DeepEqual(v.Interface(), f.parse(f.def).Interface())
}

// format writes the value of a key, which has no heading.
func (f *field) format(v reflect.Value) string {
	var entries []string
	switch f.shape {
	case list:
		for i := range v.Len() {
			entries = append(entries, f.formatOne(v.Index(i)))
		}
		if f.kind == kindTable {
			return "[\n  " + strings.Join(entries, ",\n  ") + ",\n]"
		}
		return "[" + strings.Join(entries, ", ") + "]"
	case named:
		of, _ := reflect.TypeAssert[map[string]string](v)
		for _, name := range slices.Sorted(maps.Keys(of)) {
			entries = append(entries, quoteKey(name)+" = "+Quote(of[name]))
		}
		return "{ " + strings.Join(entries, ", ") + " }"
	default:
		return f.formatOne(v)
	}
}

func (f *field) formatOne(v reflect.Value) string {
	switch f.kind {
	case kindText:
		m, _ := reflect.TypeAssert[encoding.TextMarshaler](v)
		text, err := m.MarshalText()
		if err != nil {
			panic("tomlconf: writing " + f.key + ": " + err.Error())
		}
		return Quote(string(text))
	case kindString:
		return Quote(v.String())
	case kindSize:
		if text := conf.Size(v.Int()).String(); strings.HasSuffix(text, "B") {
			return Quote(text)
		}
		return strconv.FormatInt(v.Int(), 10)
	case kindDuration:
		return Quote(conf.Duration(v.Int()).String())
	case kindBool:
		return strconv.FormatBool(v.Bool())
	case kindInt:
		return strconv.FormatInt(v.Int(), 10)
	case kindFloat:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	default: // kindTable
		var entries []string
		for _, in := range fieldsOf(v.Type()) {
			if fv := v.Field(in.index); !in.isDefault(fv) {
				entries = append(entries, in.key+" = "+in.format(fv))
			}
		}
		return "{ " + strings.Join(entries, ", ") + " }"
	}
}

// Quote writes a string as a value. Between single quotes it is written as it is, which patterns
// and paths are easier to read for.
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

func quoteKey(name string) string {
	bare := name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-')
	})
	if bare {
		return name
	}
	return Quote(name)
}
