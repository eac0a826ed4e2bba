package sqlsink

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Defaults of [Config].
const (
	// DefaultTimeout is longer than a busy database takes for a batch, and than a fail-over.
	DefaultTimeout = 30 * time.Second
	// DefaultBatchLines and DefaultBatchDelay make a transaction a second of a small site, and the
	// cost of a transaction small beside that of its lines at a large one.
	DefaultBatchLines = 1000
	DefaultBatchDelay = time.Second
	// MaxBatchLines keeps a transaction that fails, and is repeated, short.
	MaxBatchLines = 100000
)

// The drivers.
const (
	MySQL    = "mysql" // MariaDB, too
	Postgres = "postgres"
	SQLite   = "sqlite"
)

// Config says where lines go.
type Config struct {
	// Name tells this sink from others of the process. Empty means the driver and the table,
	// "mysql:weblogs.logs".
	Name string
	// Driver is MySQL, Postgres or SQLite.
	Driver string
	// DSN is how to reach the database, in the form of the driver: "user@tcp(host:3306)/database"
	// or "user@unix(/run/mysqld/mysqld.sock)/" (github.com/go-sql-driver/mysql),
	// "postgres://user@host/database" or "host=/run/postgresql dbname=weblogs"
	// (github.com/jackc/pgx), a path (modernc.org/sqlite). It must not have a password.
	DSN string
	// DSNFile and DSNEnv, of which one may stand in place of DSN, are a file and an environment
	// variable with a DSN, which may have a password. They are read anew for each connection.
	DSNFile, DSNEnv string
	// Table is the name of the table, with that of its database or schema in front if need be:
	// "weblogs.logs".
	Table string
	// Columns are what is written.
	Columns []Column
	// Positions is the name of a table that makes each line come once, or empty: (sink VARCHAR(190)
	// PRIMARY KEY, epoch BIGINT NOT NULL, line BIGINT NOT NULL).
	Positions string
	// PositionKey is this sink's row there. Empty means the name of the host and that of the sink.
	// Two processes must not have the same.
	PositionKey string
	// BatchLines and BatchDelay bound a transaction: how many lines it has, and how long a line
	// waits for others. Zero means the defaults, a negative delay none.
	BatchLines int
	BatchDelay time.Duration
	// Timeout bounds connecting, and each transaction. Zero means DefaultTimeout.
	Timeout time.Duration
	// Refused is told why the database does not take a line, which is lost then. It may be nil.
	Refused func(err error)
}

// Column is one that is written.
type Column struct {
	Name  string
	Field Field
}

// Field is what is written to a column.
type Field uint8

// The fields. Those from Client on are of lines in the Common or Combined Log Format (package
// accesslog), and NULL in others; so is "-".
const (
	Group      Field = iota // of the message
	Sender                  // private name of who sent it: #user#daemon
	SenderHost              // its daemon
	SenderUser              // its name there
	VHost                   // or NULL
	Time                    // by the clock of the log; UTC
	Received                // by the clock of this host; UTC
	Line                    // the message, without a newline at its end
	Client
	Ident
	User
	Request
	Method
	Path
	Proto
	Status
	Bytes
	Referrer
	Agent
	Rest
	numFields
)

// String returns the name of a field in configurations.
func (f Field) String() string {
	switch f {
	case Group:
		return "group"
	case Sender:
		return "sender"
	case SenderHost:
		return "sender_host"
	case SenderUser:
		return "sender_user"
	case VHost:
		return "vhost"
	case Time:
		return "time"
	case Received:
		return "received"
	case Line:
		return "line"
	case Client:
		return "host"
	case Ident:
		return "ident"
	case User:
		return "user"
	case Request:
		return "request"
	case Method:
		return "method"
	case Path:
		return "path"
	case Proto:
		return "proto"
	case Status:
		return "status"
	case Bytes:
		return "bytes"
	case Referrer:
		return "referrer"
	case Agent:
		return "agent"
	case Rest:
		return "rest"
	case numFields:
	}
	return fmt.Sprintf("Field(%d)", uint8(f))
}

// ParseField reads the name of a field.
func ParseField(name string) (Field, error) {
	names := make([]string, 0, numFields)
	for f := range numFields {
		if f.String() == name {
			return f, nil
		}
		names = append(names, f.String())
	}
	return 0, fmt.Errorf("there is no field %q, but %s", name, strings.Join(names, ", "))
}

// DefaultName is the name of a sink that has none of its own.
func (c *Config) DefaultName() string { return c.Driver + ":" + c.Table }

// Equal reports whether two configurations are of the same sink.
func (c *Config) Equal(o *Config) bool {
	return slices.Equal(c.Columns, o.Columns) && c.Name == o.Name && c.Driver == o.Driver &&
		c.DSN == o.DSN && c.DSNFile == o.DSNFile && c.DSNEnv == o.DSNEnv &&
		c.Table == o.Table && c.Positions == o.Positions && c.PositionKey == o.PositionKey &&
		c.BatchLines == o.BatchLines && c.BatchDelay == o.BatchDelay && c.Timeout == o.Timeout
}

// Mistake is what is wrong with a configuration.
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

// Unwrap returns what is wrong.
func (m *Mistake) Unwrap() error { return m.Err }

// Check returns what is wrong with the configuration, as far as that can be told without a
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

// Batch returns the bounds of a transaction, with defaults filled in.
func (c *Config) Batch() (lines int, delay time.Duration) {
	return cmp.Or(c.BatchLines, DefaultBatchLines), max(cmp.Or(c.BatchDelay, DefaultBatchDelay), 0)
}

// readDSN returns the DSN.
func (c *Config) readDSN() (string, error) {
	switch {
	case c.DSNFile != "":
		b, err := os.ReadFile(c.DSNFile)
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
