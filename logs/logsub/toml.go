package logsub

import (
	"fmt"
	"math"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/logs/internal/filter"
	"github.com/spreadd/spreadd/logs/internal/sink"
	"github.com/spreadd/spreadd/logs/internal/sink/archive"
	"github.com/spreadd/spreadd/logs/internal/sink/logpath"
	"github.com/spreadd/spreadd/logs/internal/sink/sqlsink"
	"github.com/spreadd/spreadd/spread"
)

// DefaultDaemon is the daemon on this host at its usual port.
const DefaultDaemon = "4803"

// ParseTOML reads a configuration in logsub's own form. name stands in errors,
// which are a [conf.Errors] with the place of each mistake.
func ParseTOML(name string, src []byte) (Config, error) {
	doc, err := conf.Parse(name, src)
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
	cfg.BatchBytes = int(doc.Bytes("batch_bytes", sink.DefaultBatchBytes, 1, math.MaxInt32))
	cfg.FlushDelay = doc.Duration("flush_delay", 0)
	cfg.SyncInterval = readSync(doc)
	cfg.CommandWait = doc.Duration("command_wait", 0)
	cfg.Spool = doc.String("spool", "")
	if cfg.SpoolBytes = doc.Bytes("spool_bytes", 0, minSpoolBytes, math.MaxInt64); cfg.SpoolBytes != 0 && cfg.Spool == "" {
		doc.Errorf("spool_bytes", `add spool = "/DIRECTORY"`, "there is no spool")
	}
	cfg.Zone = readZone(doc)
	if cfg.StatsInterval = doc.Duration("stats_interval", DefaultStatsInterval); cfg.StatsInterval == 0 {
		cfg.StatsInterval = -1
	}
	cfg.Metrics = doc.String("metrics", "")
	if _, _, err := net.SplitHostPort(cfg.Metrics); cfg.Metrics != "" && err != nil {
		doc.Errorf("metrics", `write metrics = "127.0.0.1:9805"`, "%q is no address with a port", cfg.Metrics)
	}
	cfg.Perl = readPerl(doc)
	daemon := readDaemon(doc, DefaultDaemon)
	logs := doc.Tables("log")
	if len(logs) == 0 {
		doc.Errorf("log", "add [[log]] with group and file", "no log: nothing would be written")
	}
	tables := make(map[string]*sqlsink.Config) // by name
	for _, t := range logs {
		l := readLog(t)
		if l.Perl != "" {
			if l.Keep != (Keeping{}) {
				t.Errorf("perl", "", "%v", errKeepPerl)
			}
		} else if _, command := l.command(); command {
			if l.Keep != (Keeping{}) {
				t.Errorf("file", "", "%v", errKeepCommand)
			}
			if l.Envelope == EnvelopeIndex {
				t.Errorf("envelope", "", "%v", errIndexCommand)
			}
		} else if tmpl, err := logpath.Parse(l.File); err == nil {
			if err := l.Keep.check(tmpl, !cfg.NoLock); err != nil {
				t.Errorf("file", "", "%v", err)
			}
			if l.Envelope == EnvelopeIndex && cfg.NoLock {
				t.Errorf("envelope", "", "%v", errIndexLock)
			}
		}
		if l.SQL != nil {
			if l.Envelope == EnvelopeIndex {
				t.Errorf("envelope", "", "%v", errIndexCommand)
			}
			name := sqlName(l.SQL)
			if other := tables[name]; other != nil && !other.Equal(l.SQL) {
				t.Errorf("sql", "give one of them a name of its own", "two sinks are called %s, and differ", name)
			}
			tables[name] = l.SQL
		}
		cfg.add(readDaemon(t, daemon), l)
	}
	if err := doc.Err(); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// minSpoolBytes is the smallest spool: some of the longest lines.
const minSpoolBytes = 1 << 20

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

func readDaemon(t *conf.Table, def string) string {
	address := t.String("daemon", def)
	if t.Has("daemon") {
		if _, err := spread.ParseAddress(address); err != nil {
			t.Errorf("daemon", "", "%v", err)
		}
	}
	return address
}

func readLog(t *conf.Table) Log {
	l := Log{
		Group:    t.String("group", ""),
		File:     t.String("file", ""),
		Match:    readPatterns(t, "match"),
		Vhost:    VhostWord(t.Choice("vhost_word", "", string(VhostNone), string(VhostStrip), string(VhostKeep))),
		Clock:    readClock(t),
		Rewrite:  t.String("rewrite_time", ""),
		Envelope: readEnvelope(t),
		Filter: filter.Rules{
			Keep: readConditions(t, "keep"), Drop: readConditions(t, "drop"),
			Sample: t.Float("sample", 0, 0, 1), SampleBy: readField(t, "sample_by"),
		},
		Keep: Keeping{
			Size:     t.Bytes("rotate_size", 0, 0, math.MaxInt64),
			Compress: readCompression(t),
			Age:      t.Duration("keep_age", 0),
			Count:    t.Int("keep_count", 0, 0, math.MaxInt32),
		},
	}
	if !t.Has("group") {
		t.Errorf("", `add group = "NAME"`, "this log has no group")
	} else if err := spread.CheckGroup(l.Group); err != nil {
		t.Errorf("group", "", "%v", err)
	}
	if t.Has("sql") {
		if in := t.Table("sql"); in != nil {
			l.SQL = readSQL(in)
			if l.Keep != (Keeping{}) {
				in.Errorf("", "", "%v", errKeepSQL)
			}
		}
		if t.Has("file") {
			t.Errorf("file", "make two logs of it", "this log has a file and a table")
		}
		if t.Has("perl") {
			t.Errorf("perl", "make two logs of it", "this log has a Perl function and a table")
		}
	} else if t.Has("perl") {
		l.Perl = t.String("perl", "")
		if l.File != "" {
			t.Errorf("perl", "", "%v", errPerlAndFile)
		} else if err := checkPerlName(l.Perl); err != nil {
			t.Errorf("perl", "", "%v", err)
		}
	} else if l.File == "" {
		t.Errorf("file", `add file = "/PATH" or a table [log.sql]`, "this log has no file")
	} else if text, command := l.command(); command {
		if strings.TrimSpace(text) == "" {
			t.Errorf("file", `name one: file = "|COMMAND"`, "the file is a pipe to no command")
		}
	} else if _, err := logpath.Parse(l.File); err != nil {
		t.Errorf("file", "", "file %s: %v", l.File, err)
	}
	return l
}

// readZone reads the name of a zone. The default is not set, since the zero
// value of a configuration means it too.
func readZone(t *conf.Table) *time.Location {
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

func readClock(t *conf.Table) Clock {
	c, err := ParseClock(t.String("clock", ClockAgreed.String()))
	if err != nil {
		t.Errorf("clock", "", "%v", err)
	}
	return c
}

// envelopeStrip is the name of the default.
const envelopeStrip = "strip"

func readEnvelope(t *conf.Table) Envelope {
	if e := t.Choice("envelope", envelopeStrip, string(EnvelopeIndex), string(EnvelopeRaw)); e != envelopeStrip {
		return Envelope(e)
	}
	return EnvelopeStrip
}

func readField(t *conf.Table, key string) filter.Field {
	f, err := filter.ParseField(t.String(key, filter.Line.String()))
	if err != nil {
		t.Errorf(key, "", "%v", err)
	}
	return f
}

// readConditions reads those of a filter.
func readConditions(t *conf.Table, key string) []filter.Condition {
	var list []filter.Condition
	for _, in := range t.Tables(key) {
		c := filter.Condition{Field: readField(in, "field"), Not: in.Bool("not", false)}
		if in.Has("match") {
			re, err := compilePattern(in.String("match", ""))
			if err != nil {
				in.Errorf("match", patternAdvice, "match: %v", err)
			}
			c.Match = re
		}
		for i, text := range in.Strings("status") {
			s, err := filter.ParseStatus(text)
			if err != nil {
				in.ErrorAt("status", i, "", "%v", err)
			}
			c.Status = append(c.Status, s)
		}
		switch {
		case !in.Has("match") && !in.Has("status"):
			in.Errorf("", "add match or status", "this condition says nothing")
		case in.Has("field") && !in.Has("match"):
			in.Errorf("field", "add match", "nothing is asked of the field")
		}
		list = append(list, c)
	}
	return list
}

// patternAdvice is for patterns that do not compile.
const patternAdvice = "the syntax is that of https://pkg.go.dev/regexp/syntax"

func readCompression(t *conf.Table) archive.Compression {
	c, err := archive.ParseCompression(t.String("compress", archive.None.String()))
	if err != nil {
		t.Errorf("compress", "", "%v", err)
	}
	return c
}

// Values of fsync beside a time.
const (
	syncNever = "never"
	syncBatch = "batch"
)

func readSync(t *conf.Table) time.Duration {
	d, err := ParseSync(t.String("fsync", syncNever))
	if err != nil {
		t.Errorf("fsync", "", "%v", err)
	}
	return d
}

// ParseSync reads a [Config.SyncInterval]: "never", "batch" or a time such as
// "5s".
func ParseSync(text string) (time.Duration, error) {
	switch text {
	case syncNever:
		return 0, nil
	case syncBatch:
		return -1, nil
	}
	d, err := conf.ParseDuration(text)
	if err != nil || d == 0 {
		return 0, fmt.Errorf("fsync is %q, and has to be %q, %q or a time such as \"5s\"", text, syncNever, syncBatch)
	}
	return d, nil
}

// readPatterns reads regular expressions in the syntax of package regexp, where ^ and
// $ match at each line, or a newline at a message's end would hide its end.
func readPatterns(t *conf.Table, key string) []*regexp.Regexp {
	var list []*regexp.Regexp
	for i, text := range t.Strings(key) {
		re, err := compilePattern(text)
		if err != nil {
			t.ErrorAt(key, i, patternAdvice, "%s: %v", key, err)
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
