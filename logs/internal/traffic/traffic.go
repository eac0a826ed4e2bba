package traffic

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/logs/internal/logline"
)

// Defaults of [Config].
const (
	// DefaultSessionTimeout is that of spreadlogd's module "online".
	DefaultSessionTimeout = 30 * time.Minute
	DefaultMaxSessions    = 50_000
	DefaultMaxVHosts      = 100
	DefaultMaxPages       = 500
)

// Bounds of [Config].
const (
	MinSessionTimeout = 10 * time.Second
	MaxSessionTimeout = 24 * time.Hour
	LimitSessions     = 1_000_000
	LimitVHosts       = 10_000
	LimitPages        = 10_000
)

// maxGroups bounds the groups; messages for further ones count as Other.
const maxGroups = 1000

// VHostMode says where to find the virtual host of a line.
type VHostMode uint8

// The modes.
const (
	// VHostAuto looks at each line ([logline.CutVHost]).
	VHostAuto VHostMode = iota
	// VHostFirst means that it is the first word of every line that does not begin with JSON.
	VHostFirst
	// VHostNone means that lines have none; the name of the group stands for it.
	VHostNone
)

// ParseVHostMode parses "auto", "first" or "none".
func ParseVHostMode(text string) (VHostMode, error) {
	switch text {
	case "auto":
		return VHostAuto, nil
	case "first":
		return VHostFirst, nil
	case "none":
		return VHostNone, nil
	}
	return 0, fmt.Errorf("%q: want auto, first or none", text)
}

// Config bounds what is remembered. Zero values mean the defaults.
type Config struct {
	VHost VHostMode
	// SessionTimeout is the time without a request after which a client is offline: 10 s to 24 h.
	SessionTimeout time.Duration
	// MaxSessions bounds the sessions of all virtual hosts together: up to 1,000,000.
	MaxSessions int
	// MaxVHosts bounds the virtual hosts with numbers of their own: up to 10,000.
	MaxVHosts int
	// MaxPages bounds the list of pages of each virtual host, and of all: up to 10,000.
	MaxPages int
}

// withDefaults fills in defaults. The error names what is out of range.
func (c Config) withDefaults() (Config, error) {
	if c.SessionTimeout == 0 {
		c.SessionTimeout = DefaultSessionTimeout
	}
	if c.SessionTimeout < MinSessionTimeout || c.SessionTimeout > MaxSessionTimeout {
		return c, fmt.Errorf("session time-out %v: want %v to %v", c.SessionTimeout, MinSessionTimeout, MaxSessionTimeout)
	}
	for _, n := range []struct {
		what         string
		value        *int
		usual, limit int
	}{
		{"sessions", &c.MaxSessions, DefaultMaxSessions, LimitSessions},
		{"virtual hosts", &c.MaxVHosts, DefaultMaxVHosts, LimitVHosts},
		{"pages", &c.MaxPages, DefaultMaxPages, LimitPages},
	} {
		if *n.value == 0 {
			*n.value = n.usual
		}
		if *n.value < 1 || *n.value > n.limit {
			return c, fmt.Errorf("at most %d %s: want 1 to %d", *n.value, n.what, n.limit)
		}
	}
	return c, nil
}

// Traffic is the machine. It is not safe for concurrent use.
type Traffic struct {
	cfg    Config
	start  time.Time
	second int64 // since start; it never goes back

	all      *scope
	vhosts   vhosts
	sessions sessions
	groups   map[string]*group
	streams  streams
	odd      [NumOdds]int64
	total    totals

	fields logline.Fields
	hit    hit
	key    []byte // virtual host 0 page
}

// totals count messages before they are parsed.
type totals struct{ messages, bytes, lines int64 }

type group struct {
	totals
	odd int64
}

// New returns a machine. The error names the setting that is out of range.
func New(cfg Config, start time.Time) (*Traffic, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	t := &Traffic{
		cfg: cfg, start: start,
		all:      newScope("", 0, &cfg),
		vhosts:   vhosts{limit: cfg.MaxVHosts, index: make(map[string]*scope), other: newScope(Other, 0, &cfg)},
		sessions: newSessions(cfg.MaxSessions, int64(cfg.SessionTimeout/time.Second)),
		groups:   make(map[string]*group),
		streams:  streams{known: make(map[string]*stream)},
	}
	t.hit.fields = &t.fields
	return t, nil
}

// Advance moves the time forward: full seconds become history, sessions end. The time never goes
// back.
func (t *Traffic) Advance(now time.Time) {
	second := int64(now.Sub(t.start) / time.Second)
	if second <= t.second {
		return
	}
	t.second = second
	// The point of a second has the sessions online at its end, so it is made first.
	t.all.history.roll(second, len(t.sessions.index))
	t.vhosts.other.history.roll(second, t.vhosts.other.online)
	for s := t.vhosts.newest; s != nil; s = s.older {
		s.history.roll(second, s.online)
	}
	t.sessions.expire(second)
}

// Message counts a message that was received at a time: lines, with or without a newline at the
// end, and with or without an envelope. group is the group of the message, sender the private group
// of its sender. Control messages of publishers and log hosts do not count. No argument is kept.
func (t *Traffic) Message(now time.Time, group, sender string, payload []byte) {
	t.Advance(now)
	key, seq, lines, err := envelope.Split(payload)
	if errors.Is(err, envelope.ErrControl) {
		return
	}
	g, server := t.group(group), hostOf(sender)
	t.total.messages++
	t.total.bytes += int64(len(payload))
	g.messages++
	g.bytes += int64(len(payload))
	var st *stream
	switch {
	case err == nil:
		st = t.streams.find(key, seq)
	case errors.Is(err, envelope.ErrNone):
		lines = payload
	case errors.Is(err, envelope.ErrVersion):
		t.notLine(g, OddVersion)
		return
	default:
		t.notLine(g, OddEnvelope)
		return
	}
	if len(lines) == 0 {
		t.notLine(g, OddEmpty)
	}
	for ; len(lines) > 0; seq++ {
		line := lines
		if i := bytes.IndexByte(lines, '\n'); i >= 0 {
			line, lines = lines[:i], lines[i+1:]
		} else {
			lines = nil
		}
		if st == nil || t.streams.add(st, seq) {
			t.line(g, group, server, line)
		}
	}
}

// hostOf returns the daemon of a private group; other text is returned as it is.
func hostOf(sender string) string {
	if i := strings.LastIndexByte(sender, '#'); i > 0 && sender[0] == '#' {
		return sender[i+1:]
	}
	return sender
}

func (t *Traffic) notLine(g *group, why Odd) {
	t.odd[why]++
	g.odd++
}

func (t *Traffic) line(g *group, group, server string, line []byte) {
	t.total.lines++
	g.lines++
	vhost, rest := t.cutVHost(line)
	if err := t.fields.Parse(rest); err != nil {
		t.notLine(g, oddOf(line, err))
		return
	}
	if vhost == nil && t.cfg.VHost != VHostNone && len(t.fields.VHost) > 0 {
		vhost = t.fields.VHost
	}
	h := &t.hit
	h.second, h.server, h.class = t.second, server, ClassOf(t.fields.Status)
	h.path = t.fields.Path
	if i := bytes.IndexByte(h.path, '?'); i >= 0 {
		h.path = h.path[:i]
	}
	h.path = cut(h.path, maxPage)
	k := t.key[:0]
	switch {
	case vhost == nil:
		k = append(k, group...)
	case !isHost(vhost):
		k = append(k, Invalid...)
	default:
		k = logline.AppendVHost(k, vhost)
	}
	n := len(k)
	k = append(append(k, 0), h.path...)
	t.key = k
	sc := t.find(k[:n], t.second)
	t.all.count(h, k)
	sc.count(h, k[n+1:])
	t.sessions.hit(h, k[:n], sc)
}

func (t *Traffic) cutVHost(line []byte) (vhost, rest []byte) {
	switch t.cfg.VHost {
	case VHostNone:
	case VHostFirst:
		if i := bytes.IndexByte(line, ' '); i > 0 && line[0] != '{' {
			return line[:i], line[i+1:]
		}
	case VHostAuto:
		if vhost, rest, ok := logline.CutVHost(line); ok {
			return vhost, rest
		}
	}
	return nil, line
}

// Invalid stands for virtual hosts with an invalid name.
const Invalid = "(invalid)"

// maxHost is the length of a DNS name with a port, at most.
const maxHost = 253 + len(":65535")

// isHost reports whether a word can name a virtual host: it consists of letters, digits, and the
// punctuation of names, addresses and ports.
func isHost(b []byte) bool {
	if len(b) > maxHost {
		return false
	}
	for _, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '.', c == '-', c == '_', c == ':', c == '[', c == ']', c == '*':
		default:
			return false
		}
	}
	return true
}

func (t *Traffic) group(name string) *group {
	g := t.groups[name]
	if g == nil {
		if len(t.groups) >= maxGroups && name != Other {
			return t.group(Other)
		}
		g = new(group)
		t.groups[strings.Clone(name)] = g
	}
	return g
}
