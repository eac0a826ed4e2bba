package filter

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/logs/internal/logline"
)

// Field is a part of a line, as of [logline.Fields].
type Field uint8

// The fields. Line is all of the message.
const (
	Line Field = iota
	Host
	Ident
	User
	Time
	Request
	Method
	Path
	Proto
	Referrer
	Agent
	Rest
	numFields
)

// String returns the field's name in configurations.
func (f Field) String() string {
	names := [numFields]string{"line", "host", "ident", "user", "time", "request", "method", "path", "proto", "referrer", "agent", "rest"}
	if f < numFields {
		return names[f]
	}
	return fmt.Sprintf("Field(%d)", uint8(f))
}

// ParseField returns the field of a name.
func ParseField(name string) (Field, error) {
	known := make([]string, 0, numFields)
	for f := range numFields {
		if f.String() == name {
			return f, nil
		}
		known = append(known, f.String())
	}
	return 0, fmt.Errorf("there is no field %q, but %s", name, strings.Join(known, ", "))
}

// of returns the field of a line that was taken apart.
func (f Field) of(a *logline.Fields) []byte {
	switch f {
	case Host:
		return a.Host
	case Ident:
		return a.Ident
	case User:
		return a.User
	case Time:
		return a.Time
	case Request:
		return a.Request
	case Method:
		return a.Method
	case Path:
		return a.Path
	case Proto:
		return a.Proto
	case Referrer:
		return a.Referrer
	case Agent:
		return a.Agent
	case Rest:
		return a.Rest
	case Line, numFields:
	}
	return nil
}

// Status is a range of status codes.
type Status struct{ First, Last int }

// ParseStatus reads a code, a class or a range: "404", "5xx", "400-499".
func ParseStatus(text string) (Status, error) {
	if class, ok := strings.CutSuffix(text, "xx"); ok && len(class) == 1 && class[0] >= '1' && class[0] <= '9' {
		first := int(class[0]-'0') * 100
		return Status{first, first + 99}, nil
	}
	a, b, isRange := strings.Cut(text, "-")
	if !isRange {
		b = a
	}
	first, err1 := strconv.Atoi(a)
	last, err2 := strconv.Atoi(b)
	if err1 != nil || err2 != nil || first < 0 || last > 999 || first > last {
		return Status{}, fmt.Errorf("status %q is not a code, a class or a range of codes such as 404, 5xx or 400-499", text)
	}
	return Status{first, last}, nil
}

// String writes what ParseStatus reads.
func (s Status) String() string {
	switch {
	case s.First == s.Last:
		return strconv.Itoa(s.First)
	case s.First%100 == 0 && s.First > 0 && s.Last == s.First+99:
		return strconv.Itoa(s.First/100) + "xx"
	default:
		return strconv.Itoa(s.First) + "-" + strconv.Itoa(s.Last)
	}
}

// Condition holds if all that it says does.
type Condition struct {
	// Match has to match the field, if it is not nil.
	Match *regexp.Regexp
	Field Field
	// Status: one of them has to be the line's, if there are any.
	Status []Status
	// Not turns the condition round.
	Not bool
}

// needsFields reports whether the line has to be taken apart.
func (c *Condition) needsFields() bool { return c.Field != Line || len(c.Status) > 0 }

func (c *Condition) holds(message []byte, a *logline.Fields, parsed bool) bool {
	if c.needsFields() && !parsed {
		return false
	}
	return c.says(message, a) != c.Not
}

func (c *Condition) says(message []byte, a *logline.Fields) bool {
	if c.Match != nil {
		text := message
		if c.Field != Line {
			text = c.Field.of(a)
		}
		if !c.Match.Match(text) {
			return false
		}
	}
	for _, s := range c.Status {
		if a.Status >= s.First && a.Status <= s.Last {
			return true
		}
	}
	return len(c.Status) == 0
}

// Rules say which lines are kept. The zero value keeps all.
type Rules struct {
	Keep, Drop []Condition
	// Sample is the part of the lines that is kept, above 0 and below 1; zero
	// means all.
	Sample float64
	// SampleBy is what the sample is made by: lines for which it is equal are
	// kept together.
	SampleBy Field
}

// Active reports whether the rules leave out any line.
func (r *Rules) Active() bool { return len(r.Keep) > 0 || len(r.Drop) > 0 || r.Sample > 0 }

// Verdict says what becomes of a line.
type Verdict uint8

// The verdicts.
const (
	Kept Verdict = iota
	Filtered
	NotInSample
)

// Filter judges lines. It is not safe for concurrent use.
type Filter struct {
	rules  Rules
	fields bool // some rule needs them
	limit  uint64
	parsed logline.Fields
}

// New returns a filter.
func New(r Rules) *Filter {
	f := &Filter{rules: r, fields: r.Sample > 0 && r.SampleBy != Line, limit: math.MaxUint64}
	if r.Sample > 0 && r.Sample < 1 {
		f.limit = uint64(math.Ldexp(r.Sample, 64))
	}
	for _, list := range [][]Condition{r.Keep, r.Drop} {
		for i := range list {
			f.fields = f.fields || list[i].needsFields()
		}
	}
	return f
}

// Keeps judges a message. line is the same without what stands in front of an access log's
// line, such as a virtual host.
func (f *Filter) Keeps(message, line []byte) Verdict {
	parsed := false
	if f.fields {
		if first, _, several := bytes.Cut(line, []byte{'\n'}); several {
			line = first
		}
		parsed = f.parsed.Parse(line) == nil
	}
	holds := func(list []Condition) bool {
		for i := range list {
			if list[i].holds(message, &f.parsed, parsed) {
				return true
			}
		}
		return false
	}
	switch {
	case len(f.rules.Keep) > 0 && !holds(f.rules.Keep), holds(f.rules.Drop):
		return Filtered
	case f.limit == math.MaxUint64:
		return Kept
	}
	key := message
	if f.rules.SampleBy != Line && parsed {
		key = f.rules.SampleBy.of(&f.parsed)
	}
	if hash(key) < f.limit {
		return Kept
	}
	return NotInSample
}

// hash is 64-bit FNV-1a, mixed so that its high bits depend on all of the key. It is
// the same on all hosts and in all versions, as samples have to be.
func hash(key []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range key {
		h = (h ^ uint64(c)) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
