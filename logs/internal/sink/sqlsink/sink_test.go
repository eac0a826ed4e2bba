package sqlsink

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spreadd/spreadd/logs/internal/queue"
)

// database is an SQLite file with a connection of the test's own.
type database struct {
	*testing.T
	path string
	db   *sql.DB
}

func newDatabase(t *testing.T, statements ...string) *database {
	t.Helper()
	path := filepath.Join(t.TempDir(), "logs.db")
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	d := &database{t, path, db}
	for _, s := range statements {
		d.exec(s)
	}
	return d
}

func (d *database) exec(statement string) {
	d.Helper()
	if _, err := d.db.ExecContext(d.Context(), statement); err != nil {
		d.Fatalf("%s: %v", statement, err)
	}
}

// rows returns what a query gives, each row as a text.
func (d *database) rows(query string) []string {
	d.Helper()
	rows, err := d.db.QueryContext(d.Context(), query)
	if err != nil {
		d.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // it is only read
	var list []string
	for rows.Next() {
		cols, err := rows.Columns()
		if err != nil {
			d.Fatal(err)
		}
		values, into := make([]sql.NullString, len(cols)), make([]any, len(cols))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			d.Fatal(err)
		}
		texts := make([]string, len(cols))
		for i, v := range values {
			texts[i] = "NULL"
			if v.Valid {
				texts[i] = v.String
			}
		}
		list = append(list, strings.Join(texts, "|"))
	}
	if err := rows.Err(); err != nil {
		d.Fatal(err)
	}
	return list
}

func (d *database) want(query string, want ...string) {
	d.Helper()
	if got := d.rows(query); strings.Join(got, "\n") != strings.Join(want, "\n") {
		d.Errorf("%s:\n%s\nwant\n%s", query, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const (
	plainTable = `CREATE TABLE logs (host TEXT, "group" TEXT, timestamp TEXT, data TEXT CHECK (length(data) < 100))`
	posTable   = `CREATE TABLE positions (sink VARCHAR(190) PRIMARY KEY, epoch BIGINT NOT NULL, line BIGINT NOT NULL)`
)

func (d *database) config() Config {
	return Config{
		Driver: SQLite, DSN: d.path, Table: "logs", PositionKey: "test",
		Columns: []Column{{"host", SenderHost}, {"group", Group}, {"timestamp", Time}, {"data", Line}},
	}
}

func (d *database) sink(cfg Config) *Sink {
	d.Helper()
	s, err := New(cfg)
	if err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() { _ = s.Close() })
	return s
}

func newQueue(t *testing.T, cfg queue.Config) *queue.Queue {
	t.Helper()
	q, err := queue.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// put puts lines with these texts.
func put(q *queue.Queue, lines ...string) {
	at := time.Date(2000, 10, 10, 13, 55, 36, 0, time.UTC)
	for _, l := range lines {
		q.Put(&queue.Entry{Line: []byte(l), Group: "weblogs", Sender: "#pub#web1", VHost: []byte("www.example.com"), Time: at, Came: at.Add(1500 * time.Millisecond)})
	}
}

// numbers are texts of lines.
func numbers(from, to int) []string {
	var lines []string
	for i := from; i < to; i++ {
		lines = append(lines, fmt.Sprintf("line %06d\n", i))
	}
	return lines
}

// deliver delivers until nothing is left.
func deliver(t *testing.T, q *queue.Queue, s *Sink) {
	t.Helper()
	q.Finish()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := q.Deliver(ctx, s.Deliver, nil); err != nil {
		t.Fatal(err)
	}
}

func TestWrite(t *testing.T) {
	d := newDatabase(t, plainTable)
	s := d.sink(d.config())
	q := newQueue(t, queue.Config{BatchLines: 150})
	put(q, numbers(0, 1000)...)
	deliver(t, q, s)
	d.want(`SELECT count(*), count(DISTINCT data), min(data), max(data) FROM logs`, "1000|1000|line 000000|line 000999")
	d.want(`SELECT DISTINCT host, "group", timestamp FROM logs`, "web1|weblogs|2000-10-10 13:55:36")
	if st := s.SQLStats(); st != (Stats{Inserted: 1000, Bytes: 12000, Transactions: 7, Connects: 1}) {
		t.Errorf("counters are %+v", st)
	}
}

// TestFields writes every field of a line in each format, of one in none, and one with "-".
func TestFields(t *testing.T) {
	var defs []string
	cfg := Config{}
	for f := range numFields {
		name := `a "` + f.String() + `" . [` // a name that no user would choose
		cfg.Columns = append(cfg.Columns, Column{name, f})
		defs = append(defs, `"`+strings.ReplaceAll(name, `"`, `""`)+`"`)
	}
	d := newDatabase(t, `CREATE TABLE "my ""logs"""(`+strings.Join(defs, ", ")+`)`)
	cfg.Driver, cfg.DSN, cfg.Table = SQLite, d.path, `main.my "logs"`
	s := d.sink(cfg)
	q := newQueue(t, queue.Config{})
	put(q,
		`192.0.2.7 id frank [10/Oct/2000:13:55:36 -0700] "GET /a'b HTTP/1.1" 200 2326 "http://x/" "Mozilla/4.08" 0.003`+"\r\n",
		"none'); DROP TABLE logs; --\nof two lines\n",
		`h - - [10/Oct/2000:13:55:36 -0700] "-" - - "-" "-"`,
		`h - kim [10/Oct/2000:13:55:36 -0700] "GET /cut HTTP/1.1" 404 17 "http://x/ver`,
		`[2001:db8::1] - bob [x] y [10/Oct/2000:13:55:36 -0700] "GET /[z] HTTP/1.1" 200 -`,
		`{"ts":971211336,"request":{"client_ip":"10.0.0.1","proto":"HTTP/2.0","method":"GET","uri":"/\u0026","headers":{"User-Agent":["x"]}},"user_id":"","size":5,"status":200}`,
		`10.0.0.1:33 [10/Oct/2000:13:55:36.633] f b/s 0/0/0/0/0 503 213 - - SC-- 1/1/1/1/0 0/0 "GET /cu`)
	deliver(t, q, s)
	message := "weblogs|#pub#web1|web1|pub|www.example.com|2000-10-10 13:55:36|2000-10-10 13:55:37.5|"
	nulls := strings.Repeat("|NULL", 12)
	d.want(`SELECT * FROM "my ""logs"""`,
		message+`192.0.2.7 id frank [10/Oct/2000:13:55:36 -0700] "GET /a'b HTTP/1.1" 200 2326 "http://x/" "Mozilla/4.08" 0.003`+
			`|192.0.2.7|id|frank|GET /a'b HTTP/1.1|GET|/a'b|HTTP/1.1|200|2326|http://x/|Mozilla/4.08|0.003`,
		message+"none'); DROP TABLE logs; --\nof two lines"+nulls,
		message+`h - - [10/Oct/2000:13:55:36 -0700] "-" - - "-" "-"|h`+strings.Repeat("|NULL", 11),
		message+`h - kim [10/Oct/2000:13:55:36 -0700] "GET /cut HTTP/1.1" 404 17 "http://x/ver`+
			`|h|NULL|kim|GET /cut HTTP/1.1|GET|/cut|HTTP/1.1|404|17|NULL|NULL|NULL`,
		message+`[2001:db8::1] - bob [x] y [10/Oct/2000:13:55:36 -0700] "GET /[z] HTTP/1.1" 200 -`+
			`|[2001:db8::1]|NULL|bob [x] y|GET /[z] HTTP/1.1|GET|/[z]|HTTP/1.1|200|NULL|NULL|NULL|NULL`,
		message+`{"ts":971211336,"request":{"client_ip":"10.0.0.1","proto":"HTTP/2.0","method":"GET","uri":"/\u0026","headers":{"User-Agent":["x"]}},"user_id":"","size":5,"status":200}`+
			`|10.0.0.1|NULL|NULL|GET /& HTTP/2.0|GET|/&|HTTP/2.0|200|5|NULL|x|NULL`,
		message+`10.0.0.1:33 [10/Oct/2000:13:55:36.633] f b/s 0/0/0/0/0 503 213 - - SC-- 1/1/1/1/0 0/0 "GET /cu`+
			`|10.0.0.1|NULL|NULL|NULL|NULL|NULL|NULL|503|213|NULL|NULL|NULL`)
}

// TestStorable: bytes that a database cannot store become U+FFFD, in every column, and the line is
// kept and counted.
func TestStorable(t *testing.T) {
	d := newDatabase(t, "CREATE TABLE hits (path TEXT, line TEXT)")
	s := d.sink(Config{
		Driver: SQLite, DSN: d.path, Table: "hits",
		Columns: []Column{{"path", Path}, {"line", Line}},
	})
	q := newQueue(t, queue.Config{})
	const head, tail = `h - - [10/Oct/2000:13:55:36 -0700] "GET `, ` HTTP/1.1" 200 5`
	put(q, head+"/a\xff\xfeb"+tail, head+"/a\x00b"+tail, head+"/ä\uFFFD"+tail)
	deliver(t, q, s)
	d.want("SELECT path, line FROM hits",
		"/a\uFFFD\uFFFDb|"+head+"/a\uFFFD\uFFFDb"+tail,
		"/a\uFFFDb|"+head+"/a\uFFFDb"+tail,
		"/ä\uFFFD|"+head+"/ä\uFFFD"+tail)
	if st := s.SQLStats(); st.Inserted != 3 || st.Altered != 2 || st.Refused != 0 {
		t.Errorf("%+v", st)
	}
}

// TestRefused: only the lines that the database refuses are lost, and counted; the order stays.
func TestRefused(t *testing.T) {
	for _, positions := range []string{"", "positions"} {
		d := newDatabase(t, plainTable, posTable)
		cfg := d.config()
		cfg.Positions = positions
		var said []error
		cfg.Refused = func(err error) { said = append(said, err) }
		s := d.sink(cfg)
		q := newQueue(t, queue.Config{BatchLines: 300})
		long := strings.Repeat("x", 100)
		var want []string
		for i, l := range numbers(0, 1000) {
			if i == 0 || i == 77 || i == 78 || i == 999 || i >= 500 && i < 520 {
				l = long
			} else {
				want = append(want, strings.TrimSpace(l))
			}
			put(q, l)
		}
		deliver(t, q, s)
		d.want(`SELECT data FROM logs ORDER BY rowid`, want...)
		if st := s.SQLStats(); st.Refused != 24 || st.Inserted != 976 || len(said) != 24 || st.Errors != 0 {
			t.Errorf("counters are %+v", st)
		}
		if !strings.Contains(said[0].Error(), "CHECK constraint failed") {
			t.Errorf("it says %v", said[0])
		}
	}
}

// TestTableDoesNotFit: lines are kept while no line at all would be taken, and while the table is
// not there.
func TestTableDoesNotFit(t *testing.T) {
	d := newDatabase(t)
	s := d.sink(d.config())
	q := newQueue(t, queue.Config{})
	put(q, numbers(0, 10)...)
	b, err := q.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Deliver(t.Context(), b); err == nil || b.Acked() != 0 || !strings.Contains(err.Error(), "no such table") {
		t.Errorf("%d lines are dealt with: %v", b.Acked(), err)
	}
	d.exec(strings.Replace(plainTable, "data TEXT", "other TEXT NOT NULL, data TEXT", 1))
	if err := s.Deliver(t.Context(), b); err == nil || b.Acked() != 0 || !strings.Contains(err.Error(), "the columns do not fit the table") {
		t.Errorf("%d lines are dealt with: %v", b.Acked(), err)
	}
	d.exec("DROP TABLE logs")
	d.exec(plainTable)
	deliver(t, q, s)
	d.want(`SELECT count(*) FROM logs`, "10")
	if st := s.SQLStats(); st.Refused != 0 || st.Errors < 2 {
		t.Errorf("counters are %+v", st)
	}
}

// forgetful is a driver that loses answers to commits.
type forgetful struct {
	inner driver.Driver
	dsn   string
	lose  atomic.Int64 // this many more
}

func (f *forgetful) Connect(context.Context) (driver.Conn, error) {
	c, err := f.inner.Open(f.dsn)
	if err != nil {
		return nil, err
	}
	return forgetfulConn{c, f}, nil
}

func (f *forgetful) Driver() driver.Driver { return f.inner }

type forgetfulConn struct {
	driver.Conn
	f *forgetful
}

func (c forgetfulConn) BeginTx(ctx context.Context, opt driver.TxOptions) (driver.Tx, error) {
	b, ok := c.Conn.(driver.ConnBeginTx)
	if !ok {
		return nil, errors.New("the driver cannot begin")
	}
	tx, err := b.BeginTx(ctx, opt)
	if err != nil {
		return nil, err
	}
	return forgetfulTx{tx, c.f}, nil
}

type forgetfulTx struct {
	driver.Tx
	f *forgetful
}

var errLost = errors.New("the connection is lost")

func (tx forgetfulTx) Commit() error {
	if err := tx.Tx.Commit(); err != nil {
		return err
	}
	if tx.f.lose.Add(-1) >= 0 {
		return errLost
	}
	return nil
}

// TestCommitAnswerLost: with positions each line is there once; without them those of the
// transaction are there twice, as the package says.
func TestCommitAnswerLost(t *testing.T) {
	for _, tt := range []struct {
		positions string
		want      string
		repeats   int64
	}{{"", "500|300", 0}, {"positions", "300|300", 200}} {
		d := newDatabase(t, plainTable, posTable)
		cfg := d.config()
		cfg.Positions = tt.positions
		s := d.sink(cfg)
		f := &forgetful{dsn: d.path + "?_pragma=busy_timeout(10000)", inner: d.db.Driver()}
		s.dialect.open = func(string, time.Duration) (*sql.DB, error) { return sql.OpenDB(f), nil }
		q := newQueue(t, queue.Config{BatchLines: 100})
		put(q, numbers(0, 300)...)
		b, err := q.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		f.lose.Store(1)
		if err := s.Deliver(t.Context(), b); !errors.Is(err, errLost) || b.Acked() != 0 {
			t.Errorf("%d acknowledged, %v", b.Acked(), err)
		}
		if err := s.Deliver(t.Context(), b); err != nil {
			t.Error(err)
		}
		f.lose.Store(1) // on a connection that was there, it is tried at once
		deliver(t, q, s)
		d.want(`SELECT count(*), count(DISTINCT data) FROM logs`, tt.want)
		if st := s.SQLStats(); st.Repeats != tt.repeats {
			t.Errorf("counters are %+v", st)
		}
	}
}

// TestKilled: we are killed after a commit, before it is acknowledged. With positions and a spool
// each line is there once.
func TestKilled(t *testing.T) {
	d := newDatabase(t, plainTable, posTable)
	cfg := d.config()
	cfg.Positions = "positions"
	dir := t.TempDir()
	q := newQueue(t, queue.Config{BatchLines: 100, Spool: dir})
	put(q, numbers(0, 250)...)
	if err := q.Close(); err != nil { // all is on the disk
		t.Fatal(err)
	}
	for run := range 3 {
		before := t.TempDir()
		if err := os.CopyFS(before, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		s := d.sink(cfg)
		q = newQueue(t, queue.Config{BatchLines: 100, Spool: dir})
		for range run + 1 {
			b, err := q.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Deliver(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		if st := s.SQLStats(); run > 0 && st.Repeats == 0 {
			t.Errorf("run %d: %+v", run, st)
		}
		dir = before // as it was before: what was acknowledged is forgotten
	}
	d.want(`SELECT count(*), count(DISTINCT data) FROM logs`, "250|250")
	d.want(`SELECT sink, line FROM positions`, "test|250")

	// A new process without them begins a new epoch, whose lines are not taken for those.
	q = newQueue(t, queue.Config{})
	put(q, numbers(300, 310)...)
	deliver(t, q, d.sink(cfg))
	d.want(`SELECT count(*), count(DISTINCT data) FROM logs`, "260|260")
	d.want(`SELECT sink, line FROM positions`, "test|10")
}

// TestMoved: two processes with one position do not write lines as if they were alone.
func TestMoved(t *testing.T) {
	d := newDatabase(t, plainTable, posTable)
	cfg := d.config()
	cfg.Positions = "positions"
	s := d.sink(cfg)
	q := newQueue(t, queue.Config{BatchLines: 10})
	put(q, numbers(0, 20)...)
	b, _ := q.Next(t.Context())
	if err := s.Deliver(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	d.exec(`UPDATE positions SET epoch = 5, line = 5`)
	s.count.errors.Store(0)
	b, _ = q.Next(t.Context())
	if err := s.Deliver(t.Context(), b); err != nil { // at its second attempt
		t.Fatal(err)
	}
	if st := s.SQLStats(); st.Errors != 1 || st.Connects != 2 {
		t.Errorf("counters are %+v", st)
	}
	d.want(`SELECT count(*) FROM logs`, "20")
}

// TestSecrets: passwords are refused where others can see them, and are not in errors.
func TestSecrets(t *testing.T) {
	for _, tt := range []struct{ driver, dsn string }{
		{MySQL, "u:geheim@tcp(127.0.0.1:1)/d"},
		{Postgres, "postgres://u:geheim@127.0.0.1:1/d"},
		{Postgres, "postgres://u@127.0.0.1:1/d?password=geheim"},
		{Postgres, "host=127.0.0.1 port=1 user=u password=geheim"},
		{Postgres, "host=127.0.0.1 port=x password = geheim"},
		{MySQL, "u:geheim@nonsense(((/d"},
		{Postgres, "postgres://u:geheim@127.0.0.1:1/%zz"},
		{Postgres, "nonsense geheim"},
	} {
		cfg := Config{Driver: tt.driver, DSN: tt.dsn, Table: "t", Columns: []Column{{"c", Line}}, Timeout: 5 * time.Second}
		if err := cfg.Check(); err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: Check says %v", tt.dsn, err)
		}
		path := filepath.Join(t.TempDir(), "dsn")
		if err := os.WriteFile(path, []byte(tt.dsn+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg.DSN, cfg.DSNFile = "", path
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Idle(t.Context()); err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: connecting says %v", tt.dsn, err)
		}
		cfg.DSNFile, cfg.DSNEnv = "", "SQLSINK_TEST_DSN"
		t.Setenv("SQLSINK_TEST_DSN", tt.dsn)
		if s, err = New(cfg); err != nil {
			t.Fatal(err)
		}
		if err := s.Idle(t.Context()); err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: connecting says %v", tt.dsn, err)
		}
	}
}

func TestCheck(t *testing.T) {
	good := Config{Driver: MySQL, DSN: "u@tcp(db)/weblogs", Table: "weblogs.logs", Columns: []Column{{"data", Line}}}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct {
		change func(c *Config)
		want   string
	}{
		{func(c *Config) { c.Driver = "oracle" }, `driver: there is no driver "oracle", but mysql (and MariaDB), postgres and sqlite`},
		{func(c *Config) { c.Driver = "" }, "driver: no driver is named"},
		{func(c *Config) { c.DSN = "" }, "dsn: there is no database; add dsn, dsn_file or dsn_env"},
		{func(c *Config) { c.DSNEnv = "X" }, "dsn: there are several"},
		{func(c *Config) { c.DSN = "(((" }, "dsn: "},
		{func(c *Config) { c.Table = "" }, "table: no table is named"},
		{func(c *Config) { c.Table = "a..b" }, "table: \"a..b\": a name is empty"},
		{func(c *Config) { c.Table = "a.b.c.d" }, "it has 4 parts"},
		{func(c *Config) { c.Positions = "a." }, "positions: "},
		{func(c *Config) { c.Columns = nil }, "columns: none"},
		{func(c *Config) { c.Columns = []Column{{"a\x00", Line}} }, "has a zero byte"},
		{func(c *Config) { c.Columns = []Column{{"a", Line}, {"a", Time}} }, "columns: a is there twice"},
		{func(c *Config) { c.BatchLines = -1 }, "batch_lines: "},
	} {
		c := good
		tt.change(&c)
		_, err := New(c)
		if _, ok := errors.AsType[*Mistake](err); !ok || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
	if _, err := ParseField("hots"); err == nil || !strings.Contains(err.Error(), "group, sender") {
		t.Error(err)
	}
}

func TestStatements(t *testing.T) {
	cols := []Column{{"group", Group}, {"a`\"b", Line}}
	for _, tt := range []struct {
		d    *dialect
		want string
	}{
		{mysqlDialect(), "INSERT INTO `weblogs`.`logs` (`group`, `a``\"b`) VALUES (?, ?), (?, ?)"},
		{postgresDialect(), "INSERT INTO \"weblogs\".\"logs\" (\"group\", \"a`\"\"b\") VALUES ($1, $2), ($3, $4)"},
	} {
		table, err := tt.d.quoteTable("weblogs.logs")
		if err != nil {
			t.Fatal(err)
		}
		if got := tt.d.insert(table, cols, 2); got != tt.want {
			t.Errorf("%s\nwant %s", got, tt.want)
		}
	}
}
