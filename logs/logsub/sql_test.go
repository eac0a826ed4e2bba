//go:build unix

package logsub

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/logs/internal/sink/sqlsink"
)

func query(t *testing.T, db *sql.DB, text string) string {
	t.Helper()
	var s string
	if err := db.QueryRowContext(t.Context(), text).Scan(&s); err != nil {
		return err.Error()
	}
	return s
}

// TestSQL: the table is not there at first, and then it is; files do not notice, other logs share the table, and
// each line is there once over a restart.
func TestSQL(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "logs.db")
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // all that was written is read back
	logs := func() []Log {
		table := sqlsink.Config{
			Driver: sqlsink.SQLite, DSN: path, Table: "logs", Positions: "positions", PositionKey: "test", BatchLines: 100, BatchDelay: -1,
			Columns: []sqlsink.Column{{Name: "group", Field: sqlsink.Group}, {Name: "vhost", Field: sqlsink.VHost}, {Name: "data", Field: sqlsink.Line}},
		}
		again := table
		return []Log{{Group: "a", SQL: &table}, {Group: "b", SQL: &again}, {Group: "a", File: filepath.Join(dir, "file")}}
	}
	cfg := Config{Spool: filepath.Join(dir, "spool"), CommandWait: 200 * time.Millisecond}
	src := numbered(3000)
	s, end := start(t, cfg, src, logs()...)
	src.more <- 1000
	const name = "sqlite:logs"
	testkit.Wait(t, "the file", func() bool { return s.Stats().Files[filepath.Join(dir, "file")].Records == 1000 })
	testkit.Wait(t, "an error", func() bool { return s.Stats().Sink(name).Database.Errors > 0 })
	if err := end(); err != nil { // lines go to the spool
		t.Error(err)
	}
	if st := s.Stats(); st.Sink(name).Database.Inserted != 0 || st.Sink(name).Queue.SpoolLines != 1000 || len(st.Sinks) != 2 {
		t.Errorf("counters are %+v, %+v", st.Sinks, st.Dropped)
	}

	for _, text := range []string{
		`CREATE TABLE logs ("group" TEXT, vhost TEXT, data TEXT CHECK (data <> 'line 1500'))`,
		`CREATE TABLE positions (sink TEXT PRIMARY KEY, epoch INTEGER NOT NULL, line INTEGER NOT NULL)`,
	} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	s, end = start(t, cfg, src, logs()...)
	src.more <- 2000
	testkit.Wait(t, "all lines", func() bool { return s.Stats().Sink(name).Database.Inserted == 2999 })
	if err := end(); err != nil {
		t.Error(err)
	}
	if got := query(t, db, `SELECT count(*) || ' ' || count(DISTINCT data) || ' ' || min(data) || ' ' || max(vhost) || ' ' || max("group") FROM logs`); got != "2999 2999 line 0 www a" {
		t.Errorf("the table has %s", got)
	}
	if st := s.Stats(); st.Dropped["refused"] != 1 || st.Sink(name).Database.Refused != 1 || st.Sink(name).Queue.Lost() != 0 {
		t.Errorf("counters are %+v", st)
	}
}

// TestSQLOff: what cannot work is an error at the start.
func TestSQLOff(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "spool"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := sqlsink.Config{Driver: sqlsink.MySQL, DSN: "u@/d", Table: "t", Columns: []sqlsink.Column{{Name: "c", Field: sqlsink.Line}}}
	other := good
	other.DSN = "v@/d"
	bad := good
	bad.Driver = "oracle"
	for _, tt := range []struct {
		logs []Log
		cfg  Config
		want string
	}{
		{[]Log{{Group: "a", SQL: &bad}}, Config{}, "no driver"},
		{[]Log{{Group: "a", SQL: &good}, {Group: "a", SQL: &other}}, Config{}, "two sinks are called mysql:t"},
		{[]Log{{Group: "a", SQL: &good, File: "x"}}, Config{}, "has a file and a table"},
		{[]Log{{Group: "a", SQL: &good, Keep: Keeping{Size: 1}}}, Config{}, "cannot be cut"},
		{[]Log{{Group: "a", SQL: &good, Envelope: EnvelopeIndex}}, Config{}, "tables have no index"},
		{[]Log{{Group: "a", SQL: &good}}, Config{Spool: filepath.Join(dir, "spool")}, "cannot open the queue of mysql:t: spool: create directory"},
	} {
		tt.cfg.Connections = []Connection{{Address: "4803", Logs: tt.logs}}
		if _, err := New(tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", fmt.Sprint(err), tt.want)
		}
	}
}
