package logline

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/internal/conf"
)

//go:generate go tool -modfile=../../../.ci/tools/go.mod stringer -type=Field -linecomment

// Field selects a part of a line, as [Fields] has it.
type Field uint8

// The fields. FieldLine is the whole message.
const (
	FieldLine     Field = iota // line
	FieldHost                  // host
	FieldIdent                 // ident
	FieldUser                  // user
	FieldTime                  // time
	FieldRequest               // request
	FieldMethod                // method
	FieldPath                  // path
	FieldProto                 // proto
	FieldReferrer              // referrer
	FieldAgent                 // agent
	FieldRest                  // rest
	numFields
)

// ParseField returns the field with a name.
func ParseField(name string) (Field, error) { return conf.ParseEnum("field", name, numFields) }

// in reports whether a parsed line has the field.
func (f Field) in(a *Fields) bool {
	switch f {
	case FieldHost:
		return a.Read(ErrHost)
	case FieldIdent:
		return a.Read(ErrIdent)
	case FieldUser:
		return a.Read(ErrUser)
	case FieldTime:
		return a.Read(ErrTime)
	case FieldRequest, FieldMethod, FieldPath, FieldProto:
		return a.Read(ErrRequest)
	case FieldReferrer:
		return a.Read(ErrReferrer)
	case FieldAgent, FieldRest:
		return a.Read(ErrAgent)
	case FieldLine, numFields:
	}
	return true
}

// of returns the field of a parsed line.
func (f Field) of(a *Fields) []byte {
	switch f {
	case FieldHost:
		return a.Host
	case FieldIdent:
		return a.Ident
	case FieldUser:
		return a.User
	case FieldTime:
		return a.Time
	case FieldRequest:
		return a.Request
	case FieldMethod:
		return a.Method
	case FieldPath:
		return a.Path
	case FieldProto:
		return a.Proto
	case FieldReferrer:
		return a.Referrer
	case FieldAgent:
		return a.Agent
	case FieldRest:
		return a.Rest
	case FieldLine, numFields:
	}
	return nil
}

// Status is a range of status codes.
type Status struct{ First, Last int }

// ParseStatus parses a code, a class or a range: "404", "5xx", "400-499".
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
		return Status{}, fmt.Errorf("invalid status %q (want a code, a class or a range, such as 404, 5xx or 400-499)", text)
	}
	return Status{first, last}, nil
}

// String returns the text that ParseStatus parses.
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

// Condition holds if both Match and Status hold, and Not is false, or if not both hold, and Not is
// true.
type Condition struct {
	// Match must match the field, unless it is nil.
	Match *regexp.Regexp
	Field Field
	// Status must contain the status of the line, unless it is empty.
	Status []Status
	Not    bool
}

// needsFields reports whether the line must be parsed.
func (c *Condition) needsFields() bool { return c.Field != FieldLine || len(c.Status) > 0 }

// holds reports whether the condition holds. It does not if the line lacks what it asks for.
func (c *Condition) holds(message []byte, a *Fields) bool {
	if len(c.Status) > 0 && !a.Read(ErrStatus) || !c.Field.in(a) {
		return false
	}
	return c.matches(message, a) != c.Not
}

func (c *Condition) matches(message []byte, a *Fields) bool {
	if c.Match != nil {
		text := message
		if c.Field != FieldLine {
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

// Rules say which lines are kept: those for which one of Keep holds, or Keep is empty; of these,
// those for which none of Drop holds; of these, the sample. The zero value keeps all lines.
type Rules struct {
	Keep, Drop []Condition
	// Sample is the fraction of lines that is kept, above 0 and below 1; zero means all.
	Sample float64
	// SampleBy is the field that decides: lines with the same value are kept or dropped together.
	SampleBy Field
}

// Active reports whether the rules leave out any line.
func (r *Rules) Active() bool { return len(r.Keep) > 0 || len(r.Drop) > 0 || r.Sample > 0 }

// Verdict says what happens to a line.
type Verdict uint8

// The verdicts.
const (
	Kept Verdict = iota
	Filtered
	NotInSample
)

// Filter applies rules to lines. It is not safe for concurrent use.
type Filter struct {
	rules  Rules
	fields bool // a rule needs them
	limit  uint64
	parsed Fields
}

// NewFilter returns a filter.
func NewFilter(r Rules) *Filter {
	f := &Filter{rules: r, fields: r.Sample > 0 && r.SampleBy != FieldLine, limit: math.MaxUint64}
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

// Judge applies the rules to a message. line is the message without what stands in front of an
// access log line, such as a virtual host.
func (f *Filter) Judge(message, line []byte) Verdict {
	if f.fields {
		if first, _, several := bytes.Cut(line, []byte{'\n'}); several {
			line = first
		}
		_ = f.parsed.Parse(line) // Read says what was read
	}
	holds := func(list []Condition) bool {
		for i := range list {
			if list[i].holds(message, &f.parsed) {
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
	if f.rules.SampleBy != FieldLine && f.rules.SampleBy.in(&f.parsed) {
		key = f.rules.SampleBy.of(&f.parsed)
	}
	if hash(key) < f.limit {
		return Kept
	}
	return NotInSample
}

// hash is 64-bit FNV-1a, mixed so that its high bits depend on the whole key. It must be the same
// on all hosts and in all versions, because samples must be.
func hash(key []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range key {
		h = (h ^ uint64(c)) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
