package logsub

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/logs/internal/sink/sqlsink"
)

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
