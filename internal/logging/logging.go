package logging

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"github.com/spreadd/spreadd/internal/flags"
)

// Format is how lines are written.
type Format string

// The formats.
const (
	Text Format = "text"
	JSON Format = "json"
)

// UnmarshalText implements encoding.TextUnmarshaler, for configuration files.
func (f *Format) UnmarshalText(b []byte) error {
	switch Format(b) {
	case Text, JSON:
		*f = Format(b)
		return nil
	default:
		return fmt.Errorf("there is no log format %q (want text or json)", b)
	}
}

// Flag adds the flag -log-format, which every program with a log has.
func Flag(s *flags.Set, f *Format) {
	if *f == "" {
		*f = Text
	}
	flags.Var(s, f, "log-format", "FORMAT", "write the log as text, or as json: one object on a line", func(text string) (v Format, err error) {
		err = v.UnmarshalText([]byte(text))
		return v, err
	})
}

// Options says how a log is written.
type Options struct {
	Format Format
	// Level is the lowest level that is written.
	Level slog.Leveler
	// Text makes the handler for text. Nil means that of slog, without the time if journald reads it.
	Text func(io.Writer) slog.Handler
}

// New returns the handler of a log that goes to w.
func New(w io.Writer, o Options) slog.Handler {
	w = flags.Lasting(w)
	f, _ := w.(*os.File)
	journal := f != nil && isJournal(f)
	text := o.Text
	switch {
	case o.Format == JSON:
		text = func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: o.Level}) }
	case text == nil:
		text = func(w io.Writer) slog.Handler {
			opts := &slog.HandlerOptions{Level: o.Level}
			if journal {
				opts.ReplaceAttr = withoutTime
			}
			return slog.NewTextHandler(w, opts)
		}
	}
	if !journal {
		return text(w)
	}
	return newPriorities(w, text)
}

// withoutTime leaves out the time of a line.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// levels are those that have a priority of their own, the lowest first, with their prefixes.
var levels = [...]struct { //nolint:gochecknoglobals // a constant
	from   slog.Level
	prefix string
}{{slog.LevelDebug, "<7>"}, {slog.LevelInfo, "<6>"}, {slog.LevelWarn, "<4>"}, {slog.LevelError, "<3>"}}

// priorities writes lines with their priority in front, as journald reads them. It has one handler for
// each priority.
type priorities [len(levels)]slog.Handler

func newPriorities(w io.Writer, text func(io.Writer) slog.Handler) *priorities {
	var p priorities
	mu := new(sync.Mutex)
	for i, l := range levels {
		p[i] = text(&prefixed{mu: mu, w: w, prefix: l.prefix})
	}
	return &p
}

// of returns the handler of a level.
func (p *priorities) of(level slog.Level) slog.Handler {
	i := 0
	for i+1 < len(levels) && level >= levels[i+1].from {
		i++
	}
	return p[i]
}

// Enabled implements slog.Handler.
func (p *priorities) Enabled(ctx context.Context, level slog.Level) bool {
	return p.of(level).Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (p *priorities) Handle(ctx context.Context, r slog.Record) error {
	return p.of(r.Level).Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (p *priorities) WithAttrs(attrs []slog.Attr) slog.Handler {
	return p.each(func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (p *priorities) WithGroup(name string) slog.Handler {
	return p.each(func(h slog.Handler) slog.Handler { return h.WithGroup(name) })
}

func (p *priorities) each(f func(slog.Handler) slog.Handler) *priorities {
	var q priorities
	for i, h := range p {
		q[i] = f(h)
	}
	return &q
}

// prefixed writes each line with a prefix, in one piece.
type prefixed struct {
	mu     *sync.Mutex // of all priorities
	w      io.Writer
	prefix string
	line   []byte
}

// Write writes a line.
func (p *prefixed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line = append(append(p.line[:0], p.prefix...), b...)
	if _, err := p.w.Write(p.line); err != nil {
		return 0, err
	}
	return len(b), nil
}
