package logpath

import (
	"regexp"
	"strings"
)

// namePattern matches what AppendName makes, as little as possible.
const namePattern = NoName + `|[A-Za-z0-9+,:@=%][A-Za-z0-9+,:@=.%~_-]*?`

// compile makes the pattern of all paths of the template.
func (t *Template) compile() error {
	var b strings.Builder
	b.WriteString(`^`)
	for _, p := range t.pieces {
		switch {
		case p.isField:
			b.WriteString(`(` + namePattern + `)`)
			t.groups = append(t.groups, p.field.String())
		case p.verb != 0:
			b.WriteString(`(` + verbs[p.verb] + `)`)
			t.groups = append(t.groups, "")
		default:
			b.WriteString(regexp.QuoteMeta(p.literal))
		}
	}
	// Rotation and compression append to the path.
	b.WriteString(`(\.\d{6})?(\.gz|\.zst)?$`)
	re, err := regexp.Compile(b.String())
	t.match = re
	return err
}

// File is a parsed path.
type File struct {
	// Series identifies files with the same names and different periods.
	Series string
	// Period is that of [Template.AppendPeriod].
	Period string
	// Part is ".000001" and so on for a file that was cut by size; otherwise empty.
	Part string
	// Compressed is ".gz" or ".zst", or empty.
	Compressed string
}

// Match parses a path, and reports whether it comes from the template, with or without what
// rotation and compression append.
func (t *Template) Match(path string) (f File, ok bool) {
	m := t.match.FindStringSubmatch(path)
	if m == nil {
		return f, false
	}
	var series, period strings.Builder
	for i, name := range t.groups {
		if name == "" {
			period.WriteString(m[i+1] + " ")
		} else {
			series.WriteString(m[i+1] + "/")
		}
	}
	f.Series, f.Period = series.String(), period.String()
	f.Part, f.Compressed = m[len(m)-2], m[len(m)-1]
	return f, true
}

// Depth returns how many directories below Base the paths are; 0 means in Base itself.
func (t *Template) Depth() int {
	return strings.Count(strings.TrimPrefix(t.text[len(t.base):], "/"), "/")
}
