package logsub

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

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
	if w.lane, err = newLane(&s.cfg, name, databaseSink{db}, queue.Config{BatchLines: lines, BatchBytes: sqlBatchBytes, BatchDelay: delay}); err != nil {
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
