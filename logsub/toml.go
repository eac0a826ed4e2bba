package logsub

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/tomlconf"
	"github.com/spreadd/spreadd/logpath"
	"github.com/spreadd/spreadd/spread"
)

// DefaultDaemon is the daemon on this host at its usual port.
const DefaultDaemon = "4803"

// ParseTOML reads a configuration in logsub's own form. name stands in errors,
// which are a [tomlconf.Errors] with the place of each mistake.
func ParseTOML(name string, src []byte) (Config, error) {
	doc, err := tomlconf.Parse(name, src)
	if err != nil {
		return Config{}, err
	}
	cfg := Config{
		BufferSize: int(doc.Bytes("buffer_size", 0, 0, math.MaxInt32)),
		Truncate:   doc.Bool("truncate", false),
		NoLock:     !doc.Bool("lock", true),
		QueueBytes: int(doc.Bytes("queue", DefaultQueueBytes, minQueueBytes, math.MaxInt32)),
	}
	cfg.OpenFiles = doc.Int("open_files", DefaultOpenFiles, 1, 1<<20)
	cfg.Zone = readZone(doc)
	if cfg.StatsInterval = doc.Duration("stats_interval", DefaultStatsInterval); cfg.StatsInterval == 0 {
		cfg.StatsInterval = -1
	}
	daemon := readDaemon(doc, DefaultDaemon)
	logs := doc.Tables("log")
	if len(logs) == 0 {
		doc.Errorf("log", "add [[log]] with group and file", "no log: nothing would be written")
	}
	for _, t := range logs {
		cfg.add(readDaemon(t, daemon), readLog(t))
	}
	if err := doc.Err(); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// minQueueBytes is the smallest queue that makes sense in a file: a few of the
// largest messages.
const minQueueBytes = 64 << 10

// add adds a log to the connection with an address.
func (c *Config) add(address string, l Log) {
	i := slices.IndexFunc(c.Connections, func(conn Connection) bool { return conn.Address == address })
	if i < 0 {
		i = len(c.Connections)
		c.Connections = append(c.Connections, Connection{Address: address})
	}
	c.Connections[i].Logs = append(c.Connections[i].Logs, l)
}

func readDaemon(t *tomlconf.Table, def string) string {
	address := t.String("daemon", def)
	if t.Has("daemon") {
		if _, err := spread.ParseAddress(address); err != nil {
			t.Errorf("daemon", "", "%v", err)
		}
	}
	return address
}

func readLog(t *tomlconf.Table) Log {
	l := Log{
		Group:   t.String("group", ""),
		File:    t.String("file", ""),
		Match:   readPatterns(t, "match"),
		Vhost:   VhostWord(t.Choice("vhost_word", "", string(VhostNone), string(VhostStrip), string(VhostKeep))),
		Clock:   readClock(t),
		Rewrite: t.String("rewrite_time", ""),
	}
	if !t.Has("group") {
		t.Errorf("", `add group = "NAME"`, "this log has no group")
	} else if err := spread.CheckGroup(l.Group); err != nil {
		t.Errorf("group", "", "%v", err)
	}
	if l.File == "" {
		t.Errorf("file", `add file = "/PATH"`, "this log has no file")
	} else if _, err := logpath.Parse(l.File); err != nil && !strings.HasPrefix(l.File, "|") {
		t.Errorf("file", "", "file %s: %v", l.File, err)
	}
	return l
}

// readZone reads the name of a zone. The default is not set, since the zero
// value of a configuration means it too.
func readZone(t *tomlconf.Table) *time.Location {
	name := t.String("zone", "UTC")
	zone, err := time.LoadLocation(name)
	switch {
	case err != nil:
		t.Errorf("zone", `write "UTC", "Local" or a name such as "Europe/Berlin"`, "%v", err)
	case zone == time.UTC:
		return nil
	}
	return zone
}

func readClock(t *tomlconf.Table) Clock {
	c, err := ParseClock(t.String("clock", ClockAgreed.String()))
	if err != nil {
		t.Errorf("clock", "", "%v", err)
	}
	return c
}

// readPatterns reads regular expressions in the syntax of package regexp, where ^ and
// $ match at each line, or a newline at a message's end would hide its end.
func readPatterns(t *tomlconf.Table, key string) []*regexp.Regexp {
	var list []*regexp.Regexp
	for i, text := range t.Strings(key) {
		re, err := compilePattern(text)
		if err != nil {
			t.ErrorAt(key, i, "the syntax is that of https://pkg.go.dev/regexp/syntax", "%s: %v", key, err)
			continue
		}
		list = append(list, re)
	}
	return list
}

// perLine and its end stand around each pattern.
const perLine, perLineEnd = "(?m:", ")"

func compilePattern(text string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(text); err != nil { // with what the user wrote in its message
		return nil, err
	}
	return regexp.Compile(perLine + text + perLineEnd)
}

// patternText is what compilePattern reads.
func patternText(re *regexp.Regexp) string {
	if text, ok := strings.CutPrefix(re.String(), perLine); ok {
		return strings.TrimSuffix(text, perLineEnd)
	}
	return "(?-m:" + re.String() + ")" // it was not made by us
}

// TOML writes the configuration in logsub's own form, with what is not the
// default. [ParseTOML] reads it back; Log, Dial and Now are not part of it.
func (c Config) TOML() string {
	var w tomlWriter
	w.bytes("buffer_size", int64(c.BufferSize), 0)
	w.flag("truncate", c.Truncate, false)
	w.flag("lock", !c.NoLock, true)
	if c.QueueBytes != 0 {
		w.bytes("queue", int64(c.QueueBytes), DefaultQueueBytes)
	}
	switch {
	case c.StatsInterval < 0:
		w.line("stats_interval", tomlconf.Quote("0s"))
	case c.StatsInterval != 0 && c.StatsInterval != DefaultStatsInterval:
		w.line("stats_interval", tomlconf.Quote(tomlconf.FormatDuration(c.StatsInterval)))
	}
	if c.OpenFiles != 0 && c.OpenFiles != DefaultOpenFiles {
		w.line("open_files", strconv.Itoa(c.OpenFiles))
	}
	if c.Zone != nil {
		w.text("zone", c.Zone.String(), "UTC")
	}
	if len(c.Connections) == 1 {
		w.text("daemon", c.Connections[0].Address, DefaultDaemon)
	}
	for _, conn := range c.Connections {
		for i := range conn.Logs {
			w.out.WriteString("\n[[log]]\n")
			if len(c.Connections) > 1 {
				w.text("daemon", conn.Address, DefaultDaemon)
			}
			w.log(&conn.Logs[i])
		}
	}
	return strings.TrimPrefix(w.out.String(), "\n")
}

type tomlWriter struct{ out strings.Builder }

func (w *tomlWriter) log(l *Log) {
	w.line("group", tomlconf.Quote(l.Group))
	w.line("file", tomlconf.Quote(l.File))
	w.patterns("match", l.Match)
	w.text("vhost_word", string(l.Vhost), "")
	w.text("clock", l.Clock.String(), ClockAgreed.String())
	w.text("rewrite_time", l.Rewrite, "")
}

func (w *tomlWriter) line(key, value string) { fmt.Fprintf(&w.out, "%s = %s\n", key, value) }

func (w *tomlWriter) text(key, value, def string) {
	if value != def {
		w.line(key, tomlconf.Quote(value))
	}
}

func (w *tomlWriter) flag(key string, value, def bool) {
	if value != def {
		w.line(key, strconv.FormatBool(value))
	}
}

func (w *tomlWriter) bytes(key string, value, def int64) {
	if value == def {
		return
	}
	text := tomlconf.FormatBytes(value)
	if strings.HasSuffix(text, "B") {
		text = tomlconf.Quote(text)
	}
	w.line(key, text)
}

func (w *tomlWriter) patterns(key string, list []*regexp.Regexp) {
	if len(list) == 0 {
		return
	}
	texts := make([]string, len(list))
	for i, re := range list {
		texts[i] = patternText(re)
	}
	w.line(key, tomlconf.QuoteList(texts))
}
