package eventlog

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/ncruces/go-strftime"
)

// Options says which lines are written, and how.
type Options struct {
	// Level is the lowest level that is written. Nil means Info.
	Level slog.Leveler
	// Stamp is a strftime format for the time before a line. If it is empty, there is no time.
	Stamp string
	// Precise adds a point and six digits to the stamp.
	Precise bool
	// Now is the clock. Nil means time.Now. The handler ignores the time in the record, so that
	// stamps never go backward in the file.
	Now func() time.Time
}

// Handler is a slog.Handler.
type Handler struct {
	opts  Options
	out   *output
	attrs string // the formatted attributes of WithAttrs
	group string // the name of WithGroup, with a point at its end
}

type output struct {
	mu sync.Mutex
	w  io.Writer
}

// New returns a handler that writes each line to w with one call of Write.
func New(w io.Writer, opts Options) *Handler {
	if opts.Level == nil {
		opts.Level = slog.LevelInfo
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Handler{opts: opts, out: &output{w: w}}
}

// Enabled reports whether lines of a level are written.
func (h *Handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.opts.Level.Level() }

// Handle writes a line.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	b := h.stamp(make([]byte, 0, 256))
	b = append(b, r.Level.String()...)
	b = append(b, ' ')
	b = append(b, r.Message...)
	b = append(b, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		b = appendAttr(b, h.group, a)
		return true
	})
	_, err := h.out.w.Write(append(b, '\n'))
	return err
}

// stamp appends the time, if the options ask for it. If a precise stamp does not end with the
// seconds, the seconds since 1970 precede its digits (spread-conf §7).
func (h *Handler) stamp(b []byte) []byte {
	if h.opts.Stamp == "" {
		return b
	}
	now := h.opts.Now()
	b = strftime.AppendFormat(b, h.opts.Stamp, now)
	if h.opts.Precise {
		if !strings.HasSuffix(h.opts.Stamp, "%S") && !strings.HasSuffix(h.opts.Stamp, "%s") {
			b = append(b, ' ')
			b = strconv.AppendInt(b, now.Unix(), 10)
		}
		b = append(b, '.')
		micros := strconv.Itoa(1_000_000 + now.Nanosecond()/1000)
		b = append(b, micros[1:]...)
	}
	return append(b, ' ')
}

// WithAttrs returns a handler that adds attributes to each line.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	b := []byte(h.attrs)
	for _, a := range attrs {
		b = appendAttr(b, h.group, a)
	}
	c.attrs = string(b)
	return &c
}

// WithGroup returns a handler that prefixes the keys that follow with a name.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.group = h.group + name + "."
	return &c
}

func appendAttr(b []byte, group string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return b
	}
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, m := range v.Group() {
			b = appendAttr(b, group, m)
		}
		return b
	}
	b = append(b, ' ')
	b = append(b, group...)
	b = append(b, a.Key...)
	b = append(b, '=')
	s := v.String()
	if needsQuotes(s) {
		return strconv.AppendQuote(b, s)
	}
	return append(b, s...)
}

// needsQuotes reports whether a value without quotes would be misread or could forge a line.
func needsQuotes(s string) bool {
	return s == "" || slices.ContainsFunc([]rune(s), func(r rune) bool {
		return r == ' ' || r == '"' || r == '=' || !unicode.IsPrint(r)
	})
}
