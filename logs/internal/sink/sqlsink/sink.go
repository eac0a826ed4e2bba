package sqlsink

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink"
)

// Error is a failed operation. It never contains a password.
type Error struct {
	Op  string // what was being done: "connecting", "writing", ...
	Err error
}

// Error implements error.
func (e *Error) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrMoved means that the position of this sink changed: by another process with the same
// [Config.PositionKey], or by a transaction of our own whose answer was lost.
var ErrMoved = errors.New("the position of this sink has been moved by another transaction")

// Sink writes to one table. It is a [sink.Deliverer].
type Sink struct {
	cfg     Config
	dialect *dialect
	rows    *rows
	timeout time.Duration

	table, positions         string // quoted
	createPos, readPos, move string // statements

	db       *sql.DB // nil while there is no connection
	insert   [3]*sql.Stmt
	accepted bool // the database has accepted a line

	reopen    atomic.Bool // requested
	idleErr   error       // of the last attempt of Idle to connect
	idleAfter time.Time

	epoch int64
	line  int64 // last committed line; with Positions

	count struct {
		inserted, bytes, altered, refused, repeats, transactions, connects, errors atomic.Int64
	}
}

// Stats are the counters of a table.
type Stats struct {
	Inserted     int64 // lines committed
	Bytes        int64 // of them
	Altered      int64 // of them, with U+FFFD for each NUL and each byte that is not UTF-8
	Refused      int64 // lines that the database rejected, which are dropped
	Repeats      int64 // lines that the database already had, by its position
	Transactions int64 // committed
	Connects     int64
	Errors       int64 // failed attempts to connect or write
}

// New checks the configuration. It does not connect.
func New(cfg Config) (*Sink, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	d, err := dialectOf(cfg.Driver)
	if err != nil {
		return nil, err
	}
	cfg.Name = cmp.Or(cfg.Name, cfg.DefaultName())
	if cfg.PositionKey == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("the host has no name: set position_key: %w", err)
		}
		cfg.PositionKey = host + "/" + cfg.Name
	}
	s := &Sink{cfg: cfg, dialect: d, rows: newRows(d, cfg.Columns), timeout: cmp.Or(cfg.Timeout, DefaultTimeout)}
	if s.table, err = d.quoteTable(cfg.Table); err != nil {
		return nil, err
	}
	if cfg.Positions != "" {
		if s.positions, err = d.quoteTable(cfg.Positions); err != nil {
			return nil, err
		}
		s.createPos, s.readPos, s.move = d.positionTexts(s.positions)
	}
	return s, nil
}

// SQLStats returns the counters. It may be called at any time.
func (s *Sink) SQLStats() Stats {
	c := &s.count
	return Stats{
		Inserted: c.inserted.Load(), Bytes: c.bytes.Load(), Altered: c.altered.Load(), Refused: c.refused.Load(), Repeats: c.repeats.Load(),
		Transactions: c.transactions.Load(), Connects: c.connects.Load(), Errors: c.errors.Load(),
	}
}

// Stats implements [sink.Deliverer].
func (s *Sink) Stats() sink.Stats {
	st := s.SQLStats()
	return sink.Stats{
		Records: st.Inserted, Bytes: st.Bytes, Altered: st.Altered, DroppedRecords: st.Refused, Errors: st.Errors, Reopens: max(st.Connects-1, 0),
	}
}

// Deliver implements [sink.Deliverer]. It acknowledges lines that are committed, or refused for
// their data. An error is an *[Error], and means that the rest should come again later: those lines
// were not written, unless the answer to a commit was lost (see the package comment).
func (s *Sink) Deliver(ctx context.Context, b *queue.Batch) error {
	s.reopenIfRequested()
	fresh := s.db == nil
	for {
		err := s.write(ctx, b)
		if err == nil {
			return nil
		}
		s.count.errors.Add(1)
		s.disconnect()
		// The server may have closed an idle connection long ago, which is no failure.
		if fresh || ctx.Err() != nil {
			return err
		}
		fresh = true
	}
}

// idleRetry is how often Idle tries to connect.
const idleRetry = 30 * time.Second

// Idle implements [sink.Deliverer]: it connects, so that mistakes are known before there are lines.
// After a failure it waits for idleRetry, and returns the same error meanwhile.
func (s *Sink) Idle(ctx context.Context) error {
	s.reopenIfRequested()
	if s.db != nil || time.Now().Before(s.idleAfter) {
		return s.idleErr
	}
	if s.idleErr = s.connect(ctx); s.idleErr != nil {
		s.count.errors.Add(1)
		s.disconnect()
		s.idleAfter = time.Now().Add(idleRetry)
	}
	return s.idleErr
}

// Reopen implements [sink.Deliverer]: the connection is made again.
func (s *Sink) Reopen() { s.reopen.Store(true) }

func (s *Sink) reopenIfRequested() {
	if s.reopen.Swap(false) {
		s.disconnect()
		s.idleAfter = time.Time{}
	}
}

// Close implements [sink.Deliverer].
func (s *Sink) Close() error {
	s.disconnect()
	return nil
}

func (s *Sink) disconnect() {
	if s.db == nil {
		return
	}
	_ = s.db.Close() // no transaction is open
	s.db = nil
}

// connect connects, prepares statements and reads the position.
func (s *Sink) connect(ctx context.Context) error {
	dsn, err := s.cfg.readDSN(ctx)
	if err != nil {
		return &Error{"reading the DSN", err}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if s.db, err = s.dialect.open(dsn, s.timeout); err != nil {
		return failed("opening the database", dsn, err)
	}
	s.db.SetMaxOpenConns(1) // statements and their connection stay together
	if err := s.db.PingContext(ctx); err != nil {
		return failed("connecting to the database", dsn, err)
	}
	for i, n := range chunks() {
		if s.insert[i], err = s.db.PrepareContext(ctx, s.dialect.insert(s.table, s.cfg.Columns, n)); err != nil {
			return failed("preparing inserts into "+s.cfg.Table, dsn, err)
		}
	}
	for _, table := range []string{s.cfg.Table, s.cfg.Positions} {
		if err := s.dialect.checkEngine(ctx, s.db, table); err != nil {
			return failed("looking at the table "+table, dsn, err)
		}
	}
	if s.positions != "" {
		if _, err := s.db.ExecContext(ctx, s.createPos, s.cfg.PositionKey); err != nil {
			return failed("making a row in "+s.cfg.Positions, dsn, err)
		}
		if err := s.db.QueryRowContext(ctx, s.readPos, s.cfg.PositionKey).Scan(&s.epoch, &s.line); err != nil {
			return failed("reading the position in "+s.cfg.Positions, dsn, err)
		}
	}
	s.count.connects.Add(1)
	s.idleErr = nil
	return nil
}

// scrub removes the DSN from an error. The original is not wrapped then, because its text contains
// the DSN.
func scrub(err error, dsn string) error {
	if text := err.Error(); dsn != "" && strings.Contains(text, dsn) {
		return errors.New(strings.ReplaceAll(text, dsn, "(DSN)"))
	}
	return err
}

// failed returns an error without the DSN.
func failed(op, dsn string, err error) error { return &Error{op, scrub(err, dsn)} }

// write makes one attempt.
func (s *Sink) write(ctx context.Context, b *queue.Batch) error {
	if s.db == nil {
		if err := s.connect(ctx); err != nil {
			return err
		}
	}
	if s.positions != "" && s.epoch == int64(b.Epoch()) && s.line >= int64(b.First()) {
		known := min(int(s.line-int64(b.First()))+1, b.Len())
		if known > b.Acked() {
			s.count.repeats.Add(int64(known - b.Acked()))
			done := known == b.Len()
			b.Ack(known)
			if done {
				return nil
			}
		}
	}
	lines := make([]row, 0, b.Len()-b.Acked())
	var args []any
	for _, e := range b.Entries() {
		before := len(args)
		args = s.rows.append(args, e)
		lines = append(lines, row{args[before:], len(e.Line), storable(args[before:])})
	}
	return s.insertRows(ctx, b, lines, b.Acked())
}

// row is a line to write.
type row struct {
	args    []any
	bytes   int
	altered bool
}

// insertRows writes lines of a batch, from an index on, and acknowledges them. If the database
// rejects them, it writes each half separately.
func (s *Sink) insertRows(ctx context.Context, b *queue.Batch, lines []row, first int) error {
	last := first + len(lines)
	err := s.transaction(ctx, lines, int64(b.Epoch()), int64(b.First())+int64(last)-1)
	switch {
	case err == nil:
		s.accepted = true
		s.count.inserted.Add(int64(len(lines)))
		s.count.transactions.Add(1)
		for _, l := range lines {
			s.count.bytes.Add(int64(l.bytes))
			if l.altered {
				s.count.altered.Add(1)
			}
		}
		b.Ack(last)
		return nil
	case ctx.Err() != nil || !s.dialect.refused(err):
		return &Error{"writing to " + s.cfg.Table, err}
	case len(lines) == 1:
		if perr := s.probe(ctx); perr != nil {
			return &Error{"writing to " + s.cfg.Table, fmt.Errorf("the database rejects a line (%w), and a plain one, too (%w): the columns do not fit the table", err, perr)}
		}
		s.count.refused.Add(1)
		if s.cfg.Refused != nil {
			s.cfg.Refused(err)
		}
		b.Ack(last)
		return nil
	}
	half := len(lines) / 2
	if err := s.insertRows(ctx, b, lines[:half], first); err != nil {
		return err
	}
	return s.insertRows(ctx, b, lines[half:], first+half)
}

// transaction writes all lines or none.
func (s *Sink) transaction(ctx context.Context, lines []row, epoch, line int64) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // without effect after Commit; otherwise the error is returned already
	if s.positions != "" {
		// This comes first. If a transaction of ours whose answer was lost is still open, it waits
		// for its end, and sees that the position was moved if it was committed.
		res, err := tx.ExecContext(ctx, s.move, epoch, line, s.cfg.PositionKey, s.epoch, s.line)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errors.Join(ErrMoved, err)
		}
	}
	if err := s.insertAll(ctx, tx, lines); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.epoch, s.line = epoch, line
	return nil
}

func (s *Sink) insertAll(ctx context.Context, tx *sql.Tx, lines []row) error {
	var args []any
	for i, n := range chunks() {
		for len(lines) >= n {
			args = args[:0]
			for _, l := range lines[:n] {
				args = append(args, l.args...)
			}
			if _, err := tx.StmtContext(ctx, s.insert[i]).ExecContext(ctx, args...); err != nil {
				return err
			}
			lines = lines[n:]
		}
	}
	return nil
}

// plainLine is a line that any table of access logs accepts.
const plainLine = `192.0.2.1 - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.0" 200 1 "-" "-"`

// probe tries to insert a plain line, and rolls back. Once a line has been accepted the columns are
// known to fit.
func (s *Sink) probe(ctx context.Context) error {
	if s.accepted {
		return nil
	}
	at := time.Unix(971186136, 0)
	args := s.rows.append(nil, &queue.Entry{Line: []byte(plainLine), Group: "g", Sender: "#p#h", VHost: []byte("w"), Time: at, Came: at})
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // that is the purpose
	return s.insertAll(ctx, tx, []row{{args: args}})
}
