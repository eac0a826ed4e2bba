package logsub

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink"
	"github.com/spreadd/spreadd/logs/internal/sink/sqlsink"
)

// databaseSink is a table.
type databaseSink struct{ *sqlsink.Sink }

// Stats implements slowSink.
func (d databaseSink) Stats() sink.Stats {
	st := d.Sink.Stats()
	return sink.Stats{Records: st.Inserted, Bytes: st.Bytes, DroppedRecords: st.Refused, Errors: st.Errors, Reopens: max(st.Connects-1, 0)}
}

// refusals tells of lines that a database does not take, not of each.
type refusals struct {
	log  *slog.Logger
	said time.Time
}

func (r *refusals) tell(err error) {
	if now := time.Now(); now.Sub(r.said) >= complainInterval {
		r.said = now
		r.log.Error("the database refuses a line, which is lost; there may be more, see the counters", slog.Any("error", err))
	}
}

// sqlRoute makes the route of a log that goes to a table. Logs with the same settings share it.
func (s *Subscriber) sqlRoute(l *Log) (*writer, *route, error) {
	r := newRoute(&s.cfg, l, nil)
	name := sqlName(l.SQL)
	for _, w := range s.writers {
		if w.name == name {
			r.lane = w.lane
			return w, r, nil
		}
	}
	cfg := *l.SQL
	told := &refusals{log: s.cfg.Log.With(slog.String("sink", name))}
	cfg.Refused = told.tell
	db, err := sqlsink.New(cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	w := newWriter(s, name)
	lines, delay := cfg.Batch()
	if w.lane, err = newLane(&s.cfg, name, databaseSink{db}, backlog.Config{BatchLines: lines, BatchBytes: sqlBatchBytes, BatchDelay: delay}); err != nil {
		return nil, nil, err
	}
	s.writers = append(s.writers, w)
	r.lane = w.lane
	return w, r, nil
}

// sqlBatchBytes bounds a transaction by what servers take in one packet, several times over.
const sqlBatchBytes = 1 << 20

func sqlName(c *sqlsink.Config) string { return cmp.Or(c.Name, c.DefaultName()) }

// uses reports whether a log's table has a column of a field.
func (l *Log) uses(f sqlsink.Field) bool {
	if l.SQL == nil {
		return false
	}
	for _, c := range l.SQL.Columns {
		if c.Field == f {
			return true
		}
	}
	return false
}

var errKeepSQL = errors.New("a table cannot be cut, compressed or removed: that is for files")

// readSQL reads the table [log.sql].
func readSQL(t *conf.Table) *sqlsink.Config {
	c := &sqlsink.Config{
		Name:   t.String("name", ""),
		Driver: t.String("driver", ""),
		DSN:    t.String("dsn", ""), DSNFile: t.String("dsn_file", ""), DSNEnv: t.String("dsn_env", ""),
		Table:     t.String("table", ""),
		Positions: t.String("positions", ""), PositionKey: t.String("position_key", ""),
		BatchLines: t.Int("batch_lines", 0, 1, sqlsink.MaxBatchLines),
		Timeout:    t.Duration("timeout", 0),
	}
	if t.Has("batch_delay") {
		if c.BatchDelay = t.Duration("batch_delay", 0); c.BatchDelay == 0 {
			c.BatchDelay = -1
		}
	}
	if t.Has("columns") {
		if columns := t.Table("columns"); columns != nil {
			for _, name := range columns.Keys() {
				f, err := sqlsink.ParseField(columns.String(name, sqlsink.Line.String()))
				if err != nil {
					columns.Errorf(name, "", "%v", err)
				}
				c.Columns = append(c.Columns, sqlsink.Column{Name: name, Field: f})
			}
		}
	}
	if err := c.Check(); err != nil {
		var m *sqlsink.Mistake
		if !errors.As(err, &m) {
			m = &sqlsink.Mistake{Err: err}
		}
		key := m.Field
		if !t.Has(key) {
			key = ""
		}
		t.Errorf(key, m.Advice, "%s: %v", m.Field, m.Err)
	}
	return c
}

// sqlTable writes what readSQL reads.
func (w *tomlWriter) sqlTable(c *sqlsink.Config) {
	w.out.WriteString("[log.sql]\n")
	w.text("name", c.Name, "")
	w.line("driver", conf.Quote(c.Driver))
	w.text("dsn", c.DSN, "")
	w.text("dsn_file", c.DSNFile, "")
	w.text("dsn_env", c.DSNEnv, "")
	w.line("table", conf.Quote(c.Table))
	parts := make([]string, len(c.Columns))
	for i, col := range c.Columns {
		parts[i] = tomlKey(col.Name) + " = " + conf.Quote(col.Field.String())
	}
	w.line("columns", "{ "+strings.Join(parts, ", ")+" }")
	w.text("positions", c.Positions, "")
	w.text("position_key", c.PositionKey, "")
	if c.BatchLines != 0 {
		w.line("batch_lines", strconv.Itoa(c.BatchLines))
	}
	switch {
	case c.BatchDelay < 0:
		w.line("batch_delay", conf.Quote("0s"))
	default:
		w.duration("batch_delay", c.BatchDelay)
	}
	w.duration("timeout", c.Timeout)
}

// tomlKey writes a key, in quotes if need be.
func tomlKey(name string) string {
	bare := name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-')
	})
	if bare {
		return name
	}
	return conf.Quote(name)
}
