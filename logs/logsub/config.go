package logsub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/internal/sink/commandsink"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logfile"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logpath"
	"github.com/spreadd/spreadd/logs/internal/sink/sqlsink"
	"github.com/spreadd/spreadd/spread"
)

// Defaults of [Config].
const (
	// DefaultQueueBytes holds a second of a million short lines.
	DefaultQueueBytes = 64 << 20
	// DefaultOpenFiles leaves most of the usual 1024 descriptors.
	DefaultOpenFiles = 256
	// DefaultStatsInterval is between two lines of counters in the log.
	DefaultStatsInterval = time.Minute
)

var (
	errKeepCommand  = errors.New("a command cannot be cut, compressed or removed: that is for files")
	errKeepSQL      = errors.New("a table cannot be cut, compressed or removed: that is for files")
	errIndexCommand = errors.New("commands and tables have no index: that is for files")
	errIndexLock    = errors.New("envelope = \"index\" needs locked files: remove lock = false or the index")
)

// Keeping is [Log.Keep].
type Keeping = filesink.Keeping

// Clock is [Log.Clock].
type Clock = logline.Clock

// The values of [Clock].
const (
	ClockAgreed  = logline.ClockAgreed
	ClockLine    = logline.ClockLine
	ClockReceipt = logline.ClockReceipt
)

// Config says what to subscribe to and where to write it. Zero values of all
// but Connections mean the defaults.
type Config struct {
	Connections []Connection
	// BufferSize is the largest message in bytes that is written; zero means
	// any.
	BufferSize int
	// Truncate cuts a longer message, where it would otherwise be dropped.
	Truncate bool
	// NoLock leaves the files unlocked, so that another program may write
	// them too.
	NoLock bool
	// QueueBytes bounds what waits for the writer.
	QueueBytes int
	// OpenFiles bounds how many files of path templates have a descriptor.
	// Files with one path are always open, and not counted.
	OpenFiles int
	// BatchBytes is how much is collected for a file before it is written;
	// zero means 256 KiB. Without FlushDelay less is written too, as soon as
	// nothing more has come.
	BatchBytes int
	// FlushDelay is how long lines may wait for others, so that small ones
	// are written together.
	FlushDelay time.Duration
	// SyncInterval is how often what was written is handed to the disk
	// (fsync), and when files are closed. Zero means that the kernel
	// decides, negative after each write.
	SyncInterval time.Duration
	// Zone is that of times in paths and of rewritten ones; nil means UTC,
	// so that hosts in different zones write the same.
	Zone *time.Location
	// StatsInterval is between two lines of counters in the log; negative
	// means none.
	StatsInterval time.Duration
	// Spool is a directory for lines that wait for commands and the like, each in a
	// directory of its own there; empty means that they wait in memory only.
	Spool string
	// SpoolBytes bounds what waits there for each; zero means 1 GiB.
	SpoolBytes int64
	// Metrics is the address at which a program serves metrics; empty means nowhere. The
	// Subscriber itself does not use it.
	Metrics string
	// CommandWait is how long commands may take to end, and again after they
	// were asked to, before they are killed; zero means 5 s.
	CommandWait time.Duration
	// Perl is what has to be loaded for logs with a Perl function.
	Perl Perl
	// Output is where commands write to, and their errors; nil means nowhere.
	Output *os.File
	// Log is for what an operator wants to know; nil discards it.
	Log *slog.Logger
	// Dial opens a connection, in tests; nil means spread.Dial ([spread.WithConnect]).
	Dial func(ctx context.Context, address, name string) (spread.Connection, error)
	// Now is the clock of rewritten time stamps; nil means time.Now.
	Now func() time.Time
}

// Connection is one daemon and what to take from it.
type Connection struct {
	// Address is the daemon's, in libspread's form ([spread.ParseAddress]).
	Address string
	Logs    []Log
}

// Log says what becomes of a group's messages.
type Log struct {
	Group string
	// File is what lines are appended to: a path, or a template of paths as
	// of package logpath. It is made if need be, and so are the directories of a
	// template below its [logpath.Template.Base]. "|COMMAND" is the standard input of a
	// command. Logs may share files and commands.
	File string
	// SQL is the table that lines are inserted into, in place of File; nil means a file. Logs may share it.
	SQL *sqlsink.Config
	// Perl is a Perl function, "package::function", that is called with sender, group and message where
	// others have a File. All of them share one interpreter ([Config.Perl], package perllog).
	Perl string
	// Match: a message is written if one of the patterns matches it, or if
	// there is none. It is matched as it was sent, before its time is
	// rewritten.
	Match []*regexp.Regexp
	// Filter says which of those are kept.
	Filter logline.Rules
	// Envelope says what becomes of envelopes.
	Envelope Envelope
	// VHost says whether messages begin with the name of a virtual host, and what happens to it.
	VHost logline.VHostWord
	// Clock is the time that counts in File and Rewrite.
	Clock Clock
	// Keep says when files are cut and compressed, and how long they stay. Logs
	// with the same File need the same.
	Keep Keeping
	// Rewrite replaces the bracketed time by that of Clock: RewriteCommonLog,
	// or a format of strftime. Empty leaves lines alone.
	Rewrite string
}

// Envelope says what happens to the envelopes that publishers put around lines (package envelope).
type Envelope string

// The values of [Envelope].
const (
	// EnvelopeStrip removes them, and drops duplicates.
	EnvelopeStrip Envelope = ""
	// EnvelopeIndex does the same, also over a restart: it keeps an index of the lines beside each file (package
	// lineindex).
	EnvelopeIndex Envelope = "index"
	// EnvelopeRaw keeps them: messages are written as they were sent.
	EnvelopeRaw Envelope = "raw"
)

func (e Envelope) check() error {
	if e != EnvelopeStrip && e != EnvelopeIndex && e != EnvelopeRaw {
		return fmt.Errorf("unknown envelope mode %q (want strip, index or raw)", string(e))
	}
	return nil
}

// command returns the shell command of a log that has one for a file.
func (l *Log) command() (text string, ok bool) { return strings.CutPrefix(l.File, "|") }

// RewriteCommonLog is the [Log.Rewrite] that writes times as web servers do.
const RewriteCommonLog = "clf"

// format is what Rewrite asks for.
func (l *Log) format() logline.Format {
	switch l.Rewrite {
	case "":
		return logline.Format{}
	case RewriteCommonLog:
		return logline.CommonLog()
	default:
		return logline.Strftime(l.Rewrite)
	}
}

// Check returns what is wrong with the configuration, as far as that can be told
// without opening files.
func (c Config) Check() error {
	_, err := c.withDefaults()
	return err
}

// commandWait returns how long sinks with a queue may take at the end.
func (c *Config) commandWait() time.Duration {
	return cmp.Or(c.CommandWait, commandsink.DefaultEndWait)
}

// sync is what SyncInterval means for files.
func (c *Config) sync() logfile.Sync {
	switch {
	case c.SyncInterval < 0:
		return logfile.SyncWrites
	case c.SyncInterval > 0:
		return logfile.SyncClose
	default:
		return logfile.SyncNever
	}
}

// check finds what is wrong with a log.
func (l *Log) check() error {
	if err := l.Envelope.check(); err != nil {
		return fmt.Errorf("logsub: group %q: %w", l.Group, err)
	}
	switch {
	case l.Perl != "" && l.File != "":
		return fmt.Errorf("logsub: group %q: %w", l.Group, errPerlAndFile)
	case l.Perl != "" && l.Keep != (Keeping{}):
		return fmt.Errorf("logsub: group %q: %w", l.Group, errKeepPerl)
	case l.Perl != "" && checkPerlName(l.Perl) != nil:
		return fmt.Errorf("logsub: group %q: %w", l.Group, checkPerlName(l.Perl))
	case l.Perl != "" && l.SQL != nil:
		return fmt.Errorf("logsub: group %q has a table and a Perl function: make two logs of it", l.Group)
	case l.File == "" && l.SQL == nil && l.Perl == "":
		return fmt.Errorf("logsub: no file for group %q", l.Group)
	case l.File != "" && l.SQL != nil:
		return fmt.Errorf("logsub: group %q has a file and a table: make two logs of it", l.Group)
	case l.SQL != nil && l.Keep != (Keeping{}):
		return fmt.Errorf("logsub: group %q: %w", l.Group, errKeepSQL)
	case !l.Clock.Valid():
		return fmt.Errorf("logsub: group %q: there is no clock %v", l.Group, l.Clock)
	case !l.VHost.Valid():
		return fmt.Errorf("logsub: group %q: unknown %v", l.Group, l.VHost)
	case !(l.Filter.Sample >= 0 && l.Filter.Sample <= 1):
		return fmt.Errorf("logsub: group %q: a sample of %v of all lines is not possible", l.Group, l.Filter.Sample)
	case strings.HasPrefix(l.File, "|") && l.Keep != (Keeping{}):
		return fmt.Errorf("logsub: group %q: %w", l.Group, errKeepCommand)
	case (l.Perl != "" || l.SQL != nil || strings.HasPrefix(l.File, "|")) && l.Envelope == EnvelopeIndex:
		return fmt.Errorf("logsub: group %q: %w", l.Group, errIndexCommand)
	case strings.TrimSpace(l.File) == "|":
		return fmt.Errorf("logsub: group %q: the file is a pipe to no command", l.Group)
	}
	return nil
}

// withDefaults checks the configuration and fills in what is not set. Files are
// made absolute, so that a later change of the working directory does not move
// them.
func (c Config) withDefaults() (Config, error) {
	if len(c.Connections) == 0 {
		return c, errors.New("logsub: nothing to subscribe to: name a group and a file")
	}
	connections := make([]Connection, len(c.Connections))
	kept := make(map[string]Keeping) // by template
	indexed := make(map[string]bool)
	tables := make(map[string]*sqlsink.Config) // by name
	for i, conn := range c.Connections {
		if _, err := spread.ParseAddress(conn.Address); err != nil {
			return c, fmt.Errorf("logsub: %w", err)
		}
		connections[i] = Connection{Address: conn.Address}
		for _, l := range conn.Logs {
			if err := spread.CheckGroup(l.Group); err != nil {
				return c, fmt.Errorf("logsub: %w", err)
			}
			if err := l.check(); err != nil {
				return c, err
			}
			if l.SQL != nil {
				if err := l.SQL.Check(); err != nil {
					return c, fmt.Errorf("logsub: group %q: %w", l.Group, err)
				}
				name := sqlName(l.SQL)
				if other := tables[name]; other != nil && !other.Equal(l.SQL) {
					return c, fmt.Errorf("logsub: two sinks are called %s, and differ: give one of them another name", name)
				}
				tables[name] = l.SQL
			} else if _, command := l.command(); !command && l.Perl == "" {
				t, err := logpath.Parse(l.File)
				if err != nil {
					return c, fmt.Errorf("logsub: file %s: %w", l.File, err)
				}
				l.File = t.String()
				if err := l.Keep.Check(t, !c.NoLock); err != nil {
					return c, fmt.Errorf("logsub: file %s: %w", l.File, err)
				}
				if k, ok := kept[l.File]; ok && k != l.Keep {
					return c, fmt.Errorf("logsub: file %s: two logs have it, and differ about when it is cut, compressed or removed", l.File)
				}
				kept[l.File] = l.Keep
				index := l.Envelope == EnvelopeIndex
				if other, ok := indexed[l.File]; ok && other != index {
					return c, fmt.Errorf("logsub: file %s: two logs have it, and differ about its index", l.File)
				}
				if indexed[l.File] = index; index && c.NoLock {
					return c, fmt.Errorf("logsub: file %s: %w", l.File, errIndexLock)
				}
			}
			connections[i].Logs = append(connections[i].Logs, l)
		}
	}
	c.Connections = connections
	if err := c.Perl.check(); err != nil {
		return c, err
	}
	if c.QueueBytes == 0 {
		c.QueueBytes = DefaultQueueBytes
	}
	if c.StatsInterval == 0 {
		c.StatsInterval = DefaultStatsInterval
	}
	c.OpenFiles = cmp.Or(c.OpenFiles, DefaultOpenFiles)
	c.Zone = cmp.Or(c.Zone, time.UTC)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, nil
}
