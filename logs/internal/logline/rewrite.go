package logline

import (
	"strings"
	"time"

	"github.com/ncruces/go-strftime"
)

// commonLogLayout is [dd/Mon/yyyy:HH:MM:SS +zzzz], 28 characters in all, as Apache's %t writes it.
const commonLogLayout = "[02/Jan/2006:15:04:05 -0700]"

type formatKind uint8

const (
	keep formatKind = iota
	commonLog
	userFormat
)

// Format says what a [Rewriter] puts into the place of a time. The zero value leaves lines alone.
type Format struct {
	kind     formatKind
	strftime string
}

// CommonLog is the form of the Common Log Format, [dd/Mon/yyyy:HH:MM:SS +zzzz], with the offset of
// the time's location.
func CommonLog() Format { return Format{kind: commonLog} }

// Strftime is a format of C's function strftime in the C locale. It replaces the brackets too: they
// are gone unless the format has them. Beyond C it knows %L, %f and %N (milli-, micro- and
// nanoseconds) and %:z (offset with a colon); a conversion that it does not know is written as it
// is.
func Strftime(format string) Format { return Format{kind: userFormat, strftime: format} }

// subSecond reports whether a rendered time may change within a second.
func (f Format) subSecond() bool {
	if f.kind != userFormat {
		return false
	}
	// Rather once too often: %%L is no conversion, but harmless here.
	for _, verb := range []string{"L", "f", "N", "Q"} {
		for _, flag := range []string{"%", "%-", "%:"} {
			if strings.Contains(f.strftime, flag+verb) {
				return true
			}
		}
	}
	return false
}

// append appends t in the format.
func (f Format) append(dst []byte, t time.Time) []byte {
	switch f.kind {
	case keep:
	case commonLog:
		return t.AppendFormat(dst, commonLogLayout)
	case userFormat:
		return strftime.AppendFormat(dst, f.strftime, t)
	}
	return dst
}

// A Rewriter puts a time into lines. It is not safe for concurrent use.
type Rewriter struct {
	format    Format
	subSecond bool

	// text is the time rendered for this second in this location. The offset cannot change within a
	// second.
	text     []byte
	second   int64
	location *time.Location

	notation notation // of the last JSON line
	layout   string   // the same as package time has it
}

// NewRewriter returns a Rewriter for a format.
func NewRewriter(f Format) *Rewriter {
	return &Rewriter{format: f, subSecond: f.subSecond()}
}

// Append appends line to dst, and now, in now's location, in place of the time of the line and its
// brackets. A JSON line stays JSON: whatever the format, the value becomes now in the notation that
// it had. A line without a time is appended unchanged. stamp is that of the line; line must not
// overlap the free part of dst.
func (r *Rewriter) Append(dst, line []byte, stamp *Stamp, now time.Time) []byte {
	if r.format.kind == keep || !stamp.Found() {
		return append(dst, line...)
	}
	dst = append(dst, line[:stamp.begin]...)
	switch {
	case !stamp.json:
		dst = append(dst, r.render(now)...)
	case stamp.notation.date == dateEpoch:
		dst = stamp.notation.appendEpoch(dst, now)
	default:
		if r.layout == "" || r.notation != stamp.notation {
			r.notation, r.layout = stamp.notation, stamp.notation.layout()
		}
		dst = now.AppendFormat(dst, r.layout)
	}
	return append(dst, line[stamp.end:]...)
}

func (r *Rewriter) render(now time.Time) []byte {
	second, location := now.Unix(), now.Location()
	if r.location == nil || second != r.second || location != r.location || r.subSecond {
		r.text = r.format.append(r.text[:0], now)
		r.second, r.location = second, location
	}
	return r.text
}
