package logpath

import (
	"regexp"
	"strings"
)

// namePattern is what AppendName makes; it leaves what it can to the suffixes.
const namePattern = NoName + `|[A-Za-z0-9+,:@=%][A-Za-z0-9+,:@=.%~_-]*?`

// compile makes the pattern of the template's paths.
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
	// Behind it stands what rotation and compression append.
	b.WriteString(`(\.\d{6})?(\.gz|\.zst)?$`)
	re, err := regexp.Compile(b.String())
	t.match = re
	return err
}

// File is what the path of a file says of it.
type File struct {
	// Series is what files have in common that follow each other in time: the same names, in other
	// periods.
	Series string
	// Period is as of [Template.AppendPeriod].
	Period string
	// Part is ".000001" and so on of a file that was cut by size, else empty.
	Part string
	// Compressed is ".gz" or ".zst", or empty.
	Compressed string
}

// Match reports whether a path comes from the template, perhaps with what rotation and compression
// append, and takes it apart.
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

// Depth returns how many directories deep below Base paths lie: 0 for those in it.
func (t *Template) Depth() int {
	return strings.Count(strings.TrimPrefix(t.text[len(t.base):], "/"), "/")
}
