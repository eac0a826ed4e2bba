package oneshot

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spreadd/spreadd/cmd/spuser/recording"
	"github.com/spreadd/spreadd/internal/flags"
)

// filter chooses events.
type filter struct {
	from    []string // patterns of path.Match
	types   [][2]int // ranges
	grep    *regexp.Regexp
	only    string // "messages", "views", or empty
	control bool   // also control messages of the log tools
}

func (f *filter) flags(s *flags.Set) {
	s.Group("Filters")
	s.Func("from", "SENDER...", "only messages of this sender: its name, or its private group such as #NAME#DAEMON; * and ? are wildcards", func(text string) error {
		if _, err := path.Match(text, ""); err != nil {
			return errors.New("want a name, with * and ? as wildcards")
		}
		f.from = append(f.from, text)
		return nil
	})
	s.Func("type", "TYPE...", "only messages with this number, or with one of FROM..TO", func(text string) error {
		r, err := parseRange(text)
		f.types = append(f.types, r)
		return err
	})
	flags.Var(s, &f.grep, "grep", "REGEXP", "only messages whose payload matches", regexp.Compile)
	flags.Var(s, &f.only, "only", "messages|views", "leave out the others", func(text string) (string, error) {
		if text != "messages" && text != "views" {
			return "", errors.New("want messages or views")
		}
		return text, nil
	})
	s.Bool(&f.control, "control", "also show the control messages of logpub and logsub")
}

// parseRange reads a number, or two with ".." between them.
func parseRange(text string) ([2]int, error) {
	from, to, ok := strings.Cut(text, "..")
	if !ok {
		to = from
	}
	a, err1 := strconv.Atoi(from)
	b, err2 := strconv.Atoi(to)
	if err1 != nil || err2 != nil || a < math.MinInt16 || b > math.MaxInt16 || a > b {
		return [2]int{}, fmt.Errorf("want a number from %d to %d, or FROM..TO", math.MinInt16, math.MaxInt16)
	}
	return [2]int{a, b}, nil
}

// takes reports whether the filter lets an event pass. What happens to the connection always does.
func (f *filter) takes(e *recording.Event) bool {
	switch e.Event {
	case recording.Membership:
		return f.only != "messages"
	case recording.Message:
		return f.only != "views" && f.sender(e.Sender) && f.number(e) &&
			(f.control || !recording.IsControl(e.Data())) && (f.grep == nil || f.grep.Match(e.Data()))
	}
	return true
}

func (f *filter) sender(privateGroup string) bool {
	if len(f.from) == 0 {
		return true
	}
	name := strings.TrimPrefix(strings.TrimSuffix(privateGroup, "#"+recording.DaemonOf(privateGroup)), "#")
	for _, pattern := range f.from {
		for _, text := range []string{name, privateGroup} {
			if ok, err := path.Match(pattern, text); err == nil && ok {
				return true
			}
		}
	}
	return false
}

func (f *filter) number(e *recording.Event) bool {
	if len(f.types) == 0 {
		return true
	}
	for _, r := range f.types {
		if e.Type != nil && r[0] <= int(*e.Type) && int(*e.Type) <= r[1] {
			return true
		}
	}
	return false
}

// limit is when a command that watches ends by itself.
type limit struct {
	count int
	time  time.Duration
}

func (l *limit) flags(s *flags.Set) {
	s.Group("End")
	s.Int(&l.count, "count", "N", "end after N messages", 0, math.MaxInt32)
	s.Duration(&l.time, "for", "end after this time")
}

// context returns a context that ends with the time.
func (l *limit) context(ctx context.Context) (context.Context, context.CancelFunc) {
	if l.time <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, l.time)
}

// more counts a message that was taken, and reports whether more are wanted.
func (l *limit) more(e *recording.Event) bool {
	if l.count == 0 || e.Event != recording.Message {
		return true
	}
	l.count--
	return l.count > 0
}

// now sets the time of an event.
func now(e recording.Event) recording.Event {
	e.Time = time.Now().UTC()
	return e
}
