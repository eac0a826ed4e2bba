package logsub

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/logs/internal/filter"
	"github.com/spreadd/spreadd/logs/internal/sink"
	"github.com/spreadd/spreadd/logs/internal/sink/archive"
)

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
		w.line("stats_interval", conf.Quote("0s"))
	case c.StatsInterval != 0 && c.StatsInterval != DefaultStatsInterval:
		w.line("stats_interval", conf.Quote(conf.Duration(c.StatsInterval).String()))
	}
	w.text("metrics", c.Metrics, "")
	if c.OpenFiles != 0 && c.OpenFiles != DefaultOpenFiles {
		w.line("open_files", strconv.Itoa(c.OpenFiles))
	}
	if c.BatchBytes != 0 {
		w.bytes("batch_bytes", int64(c.BatchBytes), sink.DefaultBatchBytes)
	}
	w.duration("flush_delay", c.FlushDelay)
	if c.SyncInterval < 0 {
		w.text("fsync", syncBatch, "")
	} else {
		w.duration("fsync", c.SyncInterval)
	}
	w.duration("command_wait", c.CommandWait)
	w.text("spool", c.Spool, "")
	w.bytes("spool_bytes", c.SpoolBytes, 0)
	if c.Zone != nil {
		w.text("zone", c.Zone.String(), "UTC")
	}
	if len(c.Connections) == 1 {
		w.text("daemon", c.Connections[0].Address, DefaultDaemon)
	}
	w.perl(&c.Perl)
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
	w.line("group", conf.Quote(l.Group))
	w.text("file", l.File, "")
	w.text("perl", l.Perl, "")
	w.patterns("match", l.Match)
	w.conditions("keep", l.Filter.Keep)
	w.conditions("drop", l.Filter.Drop)
	if l.Filter.Sample != 0 {
		w.line("sample", strconv.FormatFloat(l.Filter.Sample, 'g', -1, 64))
	}
	w.text("sample_by", l.Filter.SampleBy.String(), filter.Line.String())
	w.text("vhost_word", string(l.Vhost), "")
	w.text("clock", l.Clock.String(), ClockAgreed.String())
	w.text("rewrite_time", l.Rewrite, "")
	w.text("envelope", string(l.Envelope), "")
	w.bytes("rotate_size", l.Keep.Size, 0)
	w.text("compress", l.Keep.Compress.String(), archive.None.String())
	w.duration("keep_age", l.Keep.Age)
	if l.Keep.Count != 0 {
		w.line("keep_count", strconv.Itoa(l.Keep.Count))
	}
	if l.SQL != nil {
		w.sqlTable(l.SQL)
	}
}

func (w *tomlWriter) conditions(key string, list []filter.Condition) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(&w.out, "%s = [\n", key)
	for i := range list {
		c := &list[i]
		var parts []string
		if c.Field != filter.Line {
			parts = append(parts, "field = "+conf.Quote(c.Field.String()))
		}
		if c.Match != nil {
			parts = append(parts, "match = "+conf.Quote(patternText(c.Match)))
		}
		if len(c.Status) > 0 {
			texts := make([]string, len(c.Status))
			for i, s := range c.Status {
				texts[i] = s.String()
			}
			parts = append(parts, "status = "+conf.QuoteList(texts))
		}
		if c.Not {
			parts = append(parts, "not = true")
		}
		fmt.Fprintf(&w.out, "  { %s },\n", strings.Join(parts, ", "))
	}
	w.out.WriteString("]\n")
}

func (w *tomlWriter) line(key, value string) { fmt.Fprintf(&w.out, "%s = %s\n", key, value) }

func (w *tomlWriter) text(key, value, def string) {
	if value != def {
		w.line(key, conf.Quote(value))
	}
}

func (w *tomlWriter) duration(key string, d time.Duration) {
	if d != 0 {
		w.line(key, conf.Quote(conf.Duration(d).String()))
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
	text := conf.Size(value).String()
	if strings.HasSuffix(text, "B") {
		text = conf.Quote(text)
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
	w.line(key, conf.QuoteList(texts))
}
