package tomlconf

import (
	"fmt"
	"reflect"
	"strings"
)

// KeyDoc describes a key to people. Its texts may have words in backquotes.
type KeyDoc struct {
	Name    string // with its table: [spool], spool.size, [[log]]
	Value   string // what its values are
	Default string // empty: none
	Help    string // sentences
}

// Keys returns all keys of the struct that v points to, in the order of its fields.
func Keys(v any) []KeyDoc {
	k := keys{seen: make(map[reflect.Type]string)}
	k.table("", reflect.TypeOf(v).Elem(), nil)
	return k.list
}

// KeyTable returns the keys of the struct that v points to as a table in Markdown.
func KeyTable(v any) string {
	var b strings.Builder
	b.WriteString("| key | value | default | meaning |\n| --- | --- | --- | --- |\n")
	for _, k := range Keys(v) {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Name, k.Value, k.Default, strings.ReplaceAll(k.Help, "|", `\|`))
	}
	return b.String()
}

type keys struct {
	list []KeyDoc
	seen map[reflect.Type]string // where the keys of a table are listed
}

var kindNames = [...]string{
	kindText: "string", kindString: "string", kindBool: "`true`, `false`", kindInt: "integer", kindFloat: "number",
	kindSize: "size", kindDuration: "duration", kindTable: "table",
}

// table adds the keys of a table. moved are keys that stood beside it.
func (k *keys) table(path string, t reflect.Type, moved []move) {
	fields := fieldsOf(t)
	for i := range fields {
		f := &fields[i]
		name, value := path+f.key, kindNames[f.kind]
		if len(f.enum) > 0 {
			value = "`" + strings.Join(f.enum, "`, `") + "`"
		}
		switch {
		case f.shape == named:
			value = "table of names, each with one of " + value
		case f.shape == list:
			value = "list of " + value + "s"
		case f.isHeading():
			name = "[" + name + "]"
		}
		if f.isHeading() && f.shape == list {
			name = "[[" + path + f.key + "]]"
		}
		help, def := f.sentence(), ""
		if f.def != "" {
			def = "`" + f.def + "`"
		} else if f.kind == kindBool {
			def = "`false`"
		}
		if before, after, ok := strings.Cut(help, " (default: "); ok {
			help, def = before+".", strings.TrimSuffix(after, ").")
		}
		old := f.old
		for _, m := range moved {
			if m.to == f.key {
				old = append(old, m.from)
			}
		}
		if len(old) > 0 {
			help += " Formerly `" + strings.Join(old, "`, `") + "`."
		}
		where, again := k.seen[f.elem]
		if f.kind == kindTable && again {
			help += " Keys as in `" + where + "`."
		}
		k.list = append(k.list, KeyDoc{Name: name, Value: value, Default: def, Help: help})
		if f.kind == kindTable && !again {
			k.seen[f.elem] = name
			k.table(path+f.key+".", f.elem, f.moved)
		}
	}
}
