package sqlsink

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/internal/queue"
)

// rows makes rows from lines.
type rows struct {
	dialect *dialect
	columns []Column
	parse   bool // a column needs a field of the access log
}

func newRows(d *dialect, columns []Column) *rows {
	r := &rows{dialect: d, columns: columns}
	for _, c := range columns {
		r.parse = r.parse || c.Field >= Client
	}
	return r
}

// append appends the values of a line. All are copies.
func (r *rows) append(args []any, e *queue.Entry) []any {
	var f logline.Fields
	line := bytes.TrimSuffix(bytes.TrimSuffix(e.Line, []byte{'\n'}), []byte{'\r'})
	if r.parse {
		_ = f.Parse(line) // the fields say what was read
	}
	for _, c := range r.columns {
		if c.Field < Client {
			args = append(args, r.ofMessage(c.Field, e, line))
			continue
		}
		args = append(args, r.ofAccess(c.Field, &f))
	}
	return args
}

// storable puts U+FFFD in place of each NUL and of each byte that is not UTF-8: databases refuse
// these, or keep rows that their clients cannot read, each in its own way. It reports whether there
// was one.
func storable(args []any) (altered bool) {
	for i, a := range args {
		s, ok := a.(string)
		if !ok || utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
			continue
		}
		altered = true
		args[i] = strings.Map(func(r rune) rune {
			if r == 0 {
				return utf8.RuneError
			}
			return r
		}, s)
	}
	return altered
}

func (r *rows) ofMessage(field Field, e *queue.Entry, line []byte) any {
	user, host, _ := strings.Cut(strings.TrimPrefix(e.Sender, "#"), "#")
	switch field {
	case Group:
		return e.Group
	case Sender:
		return e.Sender
	case SenderHost:
		return host
	case SenderUser:
		return user
	case VHost:
		if len(e.VHost) == 0 {
			return nil
		}
		return string(e.VHost)
	case Time:
		return r.time(e.Time)
	case Received:
		return r.time(e.Came)
	default:
		return string(line)
	}
}

func (r *rows) time(t time.Time) any { return t.UTC().Format(r.dialect.layout) }

// ofAccess returns a field of an access log line: NULL if the line has another format, lacks
// the field, or has "-" for it.
func (r *rows) ofAccess(field Field, f *logline.Fields) any {
	if !f.Access() {
		return nil
	}
	switch field {
	case Client:
		return orNull(f.Host)
	case Ident:
		return orNull(f.Ident)
	case User:
		return orNull(f.User)
	case Request:
		return orNull(f.Request)
	case Method:
		return orNull(f.Method)
	case Path:
		return orNull(f.Path)
	case Proto:
		return orNull(f.Proto)
	case Status:
		if f.Status == 0 {
			return nil
		}
		return r.number(int64(f.Status))
	case Bytes:
		if f.NoBytes {
			return nil
		}
		return r.number(f.Bytes)
	case Referrer:
		return orNull(f.Referrer)
	case Agent:
		return orNull(f.Agent)
	default:
		return orNull(f.Rest)
	}
}

// number returns a number; or its text where the server converts, so that the column may have a
// text type, too.
func (r *rows) number(n int64) any {
	if r.dialect.texts {
		return strconv.FormatInt(n, 10)
	}
	return n
}

// orNull returns a field, or NULL if it is "-" or empty.
func orNull(b []byte) any {
	if len(b) == 0 || string(b) == "-" {
		return nil
	}
	return string(b)
}
