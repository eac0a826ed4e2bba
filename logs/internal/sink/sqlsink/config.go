package sqlsink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/fsutil"
)

// Defaults of [Config].
const (
	// DefaultTimeout is longer than a busy database takes for a batch, and longer than a failover.
	DefaultTimeout = 30 * time.Second
	// DefaultBatchLines and DefaultBatchDelay make one transaction per second on a small site. On a
	// large one they make the cost of a transaction small compared to that of its lines.
	DefaultBatchLines = 1000
	DefaultBatchDelay = time.Second
	// MaxBatchLines keeps transactions short, because one that fails is repeated.
	MaxBatchLines = 100000
)

// The drivers.
const (
	MySQL    = "mysql" // MariaDB, too
	Postgres = "postgres"
	SQLite   = "sqlite"
)

// Config is the configuration of a sink.
type Config struct {
	// Name distinguishes this sink from others of the process. Empty means the driver and the
	// table, "mysql:weblogs.logs".
	Name string
	// Driver is MySQL, Postgres or SQLite.
	Driver string
	// DSN is the address of the database, in the form of the driver: "user@tcp(host:3306)/database"
	// or "user@unix(/run/mysqld/mysqld.sock)/" (github.com/go-sql-driver/mysql),
	// "postgres://user@host/database" or "host=/run/postgresql dbname=weblogs"
	// (github.com/jackc/pgx), a path (modernc.org/sqlite). It must not contain a password.
	DSN string
	// DSNFile and DSNEnv name a file and an environment variable with a DSN, which may contain a
	// password. One of them may take the place of DSN. They are read again for each connection.
	DSNFile, DSNEnv string
	// Table is the name of the table, qualified by its database or schema if needed:
	// "weblogs.logs".
	Table string
	// Columns are the columns to write.
	Columns []Column
	// Positions is the name of a table with which each line is written exactly once; empty for
	// none. It has the columns (sink VARCHAR(190) PRIMARY KEY, epoch BIGINT NOT NULL, line BIGINT
	// NOT NULL).
	Positions string
	// PositionKey is the key of this sink there. Empty means the names of the host and the sink.
	// Two processes must not use the same key.
	PositionKey string
	// BatchLines and BatchDelay bound a transaction: its lines, and how long a line waits for
	// others. Zero means the defaults; a negative delay means none.
	BatchLines int
	BatchDelay time.Duration
	// Timeout bounds connecting and each transaction. Zero means DefaultTimeout.
	Timeout time.Duration
	// Refused, if not nil, is called with the reason when the database rejects a line, which is
	// dropped.
	Refused func(err error)
}

// Column is a column to write.
type Column struct {
	Name  string
	Field Field
}

//go:generate go tool -modfile=../../../../.ci/tools/go.mod stringer -type=Field -linecomment

// Field is the value of a column.
type Field uint8

// The fields. Those from Client on come from lines in the Common or Combined Log Format (package
// logline). They are NULL for other lines, and for "-".
const (
	// Group is that of the message.
	Group Field = iota // group
	// Sender is the private name of the sender, #user#daemon; SenderHost and SenderUser are its parts.
	Sender     // sender
	SenderHost // sender_host
	SenderUser // sender_user
	// VHost may be NULL.
	VHost // vhost
	// Time is by the clock of the log, Received by that of this host; both in UTC.
	Time     // time
	Received // received
	// Line is the message, without a newline at its end.
	Line     // line
	Client   // host
	Ident    // ident
	User     // user
	Request  // request
	Method   // method
	Path     // path
	Proto    // proto
	Status   // status
	Bytes    // bytes
	Referrer // referrer
	Agent    // agent
	Rest     // rest
	numFields
)

// ParseField returns the field with a name.
func ParseField(name string) (Field, error) { return conf.ParseEnum("field", name, numFields) }

// DefaultName is the name of a sink without [Config.Name].
func (c *Config) DefaultName() string { return c.Driver + ":" + c.Table }

// Equal reports whether two configurations describe the same sink.
func (c *Config) Equal(o *Config) bool {
	return slices.Equal(c.Columns, o.Columns) && c.Name == o.Name && c.Driver == o.Driver &&
		c.DSN == o.DSN && c.DSNFile == o.DSNFile && c.DSNEnv == o.DSNEnv &&
		c.Table == o.Table && c.Positions == o.Positions && c.PositionKey == o.PositionKey &&
		c.BatchLines == o.BatchLines && c.BatchDelay == o.BatchDelay && c.Timeout == o.Timeout
}

// Mistake is a mistake in a configuration.
type Mistake struct {
	Field  string // as in TOML: "driver", "dsn", "table", "columns", "positions"
	Err    error
	Advice string // or empty
}

// Error implements error.
func (m *Mistake) Error() string {
	s := m.Field + ": " + m.Err.Error()
	if m.Advice != "" {
		s += "; " + m.Advice
	}
	return s
}

// Unwrap returns the mistake.
func (m *Mistake) Unwrap() error { return m.Err }

// Check returns what is wrong with the configuration, as far as that can be seen without a
// database: a *[Mistake].
func (c *Config) Check() error {
	d, err := dialectOf(c.Driver)
	if err != nil {
		return &Mistake{"driver", err, ""}
	}
	switch n := countSet(c.DSN, c.DSNFile, c.DSNEnv); {
	case n == 0:
		return &Mistake{"dsn", errors.New("there is no database"), "add dsn, dsn_file or dsn_env"}
	case n > 1:
		return &Mistake{"dsn", errors.New("there are several"), "keep one of dsn, dsn_file and dsn_env"}
	}
	if c.DSN != "" {
		secret, err := d.secret(c.DSN)
		switch {
		case secret:
			return &Mistake{"dsn", errors.New("it has a password, which others could see here"), "put it into a file or an environment variable: dsn_file, dsn_env"}
		case err != nil:
			return &Mistake{"dsn", scrub(err, c.DSN), ""}
		}
	}
	if _, err := d.quoteTable(c.Table); err != nil {
		return &Mistake{"table", err, ""}
	}
	if c.Positions != "" {
		if _, err := d.quoteTable(c.Positions); err != nil {
			return &Mistake{"positions", err, ""}
		}
	}
	if len(c.Columns) == 0 {
		return &Mistake{"columns", errors.New("none"), `add some: columns = { data = "line" }`}
	}
	for i, col := range c.Columns {
		switch {
		case checkName(col.Name) != nil:
			return &Mistake{"columns", checkName(col.Name), ""}
		case col.Field >= numFields:
			return &Mistake{"columns", fmt.Errorf("there is no %v", col.Field), ""}
		case slices.ContainsFunc(c.Columns[:i], func(o Column) bool { return o.Name == col.Name }):
			return &Mistake{"columns", fmt.Errorf("%s is there twice", col.Name), ""}
		}
	}
	if len(c.Columns) > maxColumns {
		return &Mistake{"columns", fmt.Errorf("there are %d, and may be %d", len(c.Columns), maxColumns), ""}
	}
	if c.BatchLines < 0 || c.BatchLines > MaxBatchLines || c.Timeout < 0 {
		return &Mistake{"batch_lines", fmt.Errorf("%d lines, time-out %v", c.BatchLines, c.Timeout), fmt.Sprintf("up to %d lines", MaxBatchLines)}
	}
	return nil
}

func countSet(texts ...string) (n int) {
	for _, t := range texts {
		if t != "" {
			n++
		}
	}
	return n
}

// Batch returns the bounds of a transaction.
func (c *Config) Batch() (lines int, delay time.Duration) {
	return cmp.Or(c.BatchLines, DefaultBatchLines), max(cmp.Or(c.BatchDelay, DefaultBatchDelay), 0)
}

// readDSN returns the DSN.
func (c *Config) readDSN(ctx context.Context) (string, error) {
	switch {
	case c.DSNFile != "":
		b, err := fsutil.ReadFile(ctx, c.DSNFile)
		if err != nil {
			return "", err
		}
		return strings.TrimSpace(string(b)), nil
	case c.DSNEnv != "":
		dsn := strings.TrimSpace(os.Getenv(c.DSNEnv))
		if dsn == "" {
			return "", fmt.Errorf("the environment variable %s is not set", c.DSNEnv)
		}
		return dsn, nil
	default:
		return c.DSN, nil
	}
}
