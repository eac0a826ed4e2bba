package tomlconf

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
)

// Schema returns a JSON schema (draft 7) of the documents that [Read] reads into the struct that v
// points to. Editors complete and check configuration files with it.
func Schema(title string, v any) string {
	s := schemaOf(reflect.TypeOf(v).Elem())
	s["$schema"] = "http://json-schema.org/draft-07/schema#"
	s["title"] = title
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic("tomlconf: the schema of " + title + ": " + err.Error())
	}
	return string(text) + "\n"
}

// object is an object of JSON, whose keys are written in alphabetical order.
type object map[string]any

func schemaOf(t reflect.Type) object {
	properties := make(object)
	var required []string
	var either []any
	fields := fieldsOf(t)
	for i := range fields {
		f := &fields[i]
		s := f.schema()
		properties[f.key] = s
		if f.required {
			required = append(required, f.key)
		}
		if f.either != "" {
			either = append(either, object{"oneOf": []any{object{"required": []string{f.key}}, object{"required": []string{f.either}}}})
		}
		for _, old := range f.old {
			was := s
			if f.oldBool != [2]string{} {
				was = object{"type": "boolean"}
			}
			properties[old] = former(f.key, was)
		}
	}
	for i := range fields {
		for _, m := range fields[i].moved {
			s := former(fields[i].key+"."+m.to, object{"type": []string{"string", "integer"}})
			if now, ok := properties[m.from].(object); ok { // the name now is that of the table
				s = object{"description": now["description"], "anyOf": []any{now, s}}
			}
			properties[m.from] = s
		}
	}
	s := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	if len(either) > 0 {
		s["allOf"] = either
	}
	return s
}

// former is the schema of a key under a name that it had.
func former(now string, s object) object {
	s = merge(s, object{"description": "Former name of " + now + ".", "deprecated": true})
	delete(s, "default")
	if s["pattern"] == durationPattern {
		s["pattern"] = "^-?" + durationPattern[1:] // negative meant none
	}
	return s
}

func merge(objects ...object) object {
	all := make(object)
	for _, o := range objects {
		maps.Copy(all, o)
	}
	return all
}

const (
	sizePattern     = `^[0-9]+ *([kMGT]?B|[KMGT]iB)?$`
	durationPattern = `^([0-9]+d|([0-9]*\.?[0-9]+(ns|us|µs|ms|s|m|h))+|0)$`
)

func (f *field) schema() object {
	s := f.single()
	switch f.shape {
	case list:
		s = object{"anyOf": []any{s, object{"type": "array", "items": s}}}
	case named:
		s = object{"type": "object", "additionalProperties": s}
	default:
	}
	return merge(s, f.notes())
}

// notes are what a schema says about a key beside what its values are.
func (f *field) notes() object {
	s := object{"description": f.sentence()}
	if f.def != "" {
		s["default"] = f.def
		if v := f.parse(f.def); f.kind == kindBool || f.kind == kindInt || f.kind == kindFloat {
			s["default"] = v.Interface()
		}
	}
	return s
}

func (f *field) sentence() string {
	if f.help == "" {
		return ""
	}
	return strings.ToUpper(f.help[:1]) + f.help[1:] + "."
}

func (f *field) single() object {
	switch f.kind {
	case kindTable:
		return schemaOf(f.elem)
	case kindSize:
		return object{"anyOf": []any{object{"type": "string", "pattern": sizePattern}, object{"type": "integer", "minimum": 0}}}
	case kindDuration:
		return object{"type": "string", "pattern": durationPattern}
	case kindBool:
		return object{"type": "boolean"}
	case kindInt, kindFloat:
		s := object{"type": "number"}
		if f.kind == kindInt {
			s["type"] = "integer"
		}
		if f.min != "" {
			s["minimum"] = f.parse(f.min).Interface()
		}
		if f.max != "" {
			s["maximum"] = f.parse(f.max).Interface()
		}
		return s
	default:
		s := object{"type": "string"}
		if len(f.enum) > 0 {
			s["enum"] = f.enum
		}
		return s
	}
}
