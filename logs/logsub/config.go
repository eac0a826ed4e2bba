package logsub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/envelope"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/tlsconf"
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
	// DefaultPatience outlasts a restart of a database.
	DefaultPatience = 10 * time.Minute
	// DefaultOpenFiles leaves most of the usual 1024 descriptors.
	DefaultOpenFiles = 256
	// DefaultStatsInterval is between two lines of counters in the log.
	DefaultStatsInterval = time.Minute
)

var (
	errKeepCommand  = errors.New("a command cannot be cut, compressed or removed: that is for files")
	errKeepSQL      = errors.New("a table cannot be cut, compressed or removed: that is for files")
	errIndexCommand = errors.New("commands and tables have no index: that is for files")
	errAccess       = errors.New("commands, tables and functions have no file_mode, dir_mode and file_group: that is for files")
	errTwoGroups    = errors.New("a log has a group or a groups_file: name the group in the file, or write two logs")
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

// Config says what to subscribe to and where to write it. Zero values of all but Connections mean
// the defaults.
type Config struct {
	Connections []Connection
	// BufferSize is the largest message in bytes that is written; zero means any.
	BufferSize int
	// Truncate truncates a longer message rather than dropping it.
	Truncate bool
	// NoLock leaves the files unlocked, so that another program may write them, too.
	NoLock bool
	// QueueBytes bounds what waits for the writer of a sink, and again what waits in its queue.
	QueueBytes int
	// OpenFiles bounds how many files of path templates hold a descriptor. Files with one path are
	// always open, and not counted.
	OpenFiles int
	// Access is that of files and of directories made for them, for logs that do not have their own.
	Access fsutil.Permissions
	// BatchBytes is how much is collected for a file before it is written; zero means 256 KiB.
	// Without FlushDelay less is written, too, as soon as no more is available.
	BatchBytes int
	// FlushDelay is how long lines may wait for others, so that they are written together.
	FlushDelay time.Duration
	// SyncInterval is how often written data is flushed to the disk (fsync), which also happens
	// when files are closed. Zero leaves it to the kernel, negative means after each write.
	SyncInterval time.Duration
	// Zone is the time zone of paths and of rewritten times; nil means UTC, so that hosts in
	// different zones write the same.
	Zone *time.Location
	// StatsInterval is the time between two log lines with counters; negative means none.
	StatsInterval time.Duration
	// Spool is a directory for lines that wait for sinks other than files. Each sink has a
	// directory of its own there. Empty means that they wait in memory only.
	Spool string
	// SpoolBytes bounds each spool; zero means 1 GiB.
	SpoolBytes int64
	// Heal says how log hosts read each other's files.
	Heal Heal
	// Host is the name of this log host, by which publishers count who has written a line: 1 to 64 printable ASCII characters
	// without a space. Empty means the host's name.
	Host string
	// Metrics is the address at which a program serves metrics; empty means nowhere. The Subscriber
	// does not use it.
	Metrics string
	// CommandWait is how long sinks other than files may take at the end to accept what waits, and
	// how long a command may take to end, and again after it was asked to, before it is killed.
	// Zero means 5 s.
	CommandWait time.Duration
	// Patience is how long a sink with a queue may accept nothing of what waits for it, until the lines that it has no room for
	// are lost. Until then publishers keep them, and others for the same groups. Zero means DefaultPatience; negative means for ever.
	Patience time.Duration
	// Perl is what to load for logs with a Perl function.
	Perl Perl
	// Output receives standard output and standard error of commands; nil discards them.
	Output *os.File
	// Log receives events for operators; nil discards them.
	Log *slog.Logger
	// TLS has the files for connections over TCP that use TLS; none for clear text.
	TLS tlsconf.Client
	// DaemonUsers are users that a daemon of this host may run as ([spread.WithSocketUsers]).
	DaemonUsers []string
	// Dial opens a connection, in tests; nil means spread.Dial ([spread.WithConnect]).
	Dial func(ctx context.Context, address, name string) (spread.Connection, error)
	// Disk has the files of Logs, in tests; nil means [fsutil.OS].
	Disk fsutil.FS
	// HealListen and HealDial are the network between log hosts, in tests; nil means TCP.
	HealListen func(address string) (net.Listener, error)
	HealDial   func(ctx context.Context, address string) (net.Conn, error)
	// Now is the clock of this host; nil means time.Now.
	Now func() time.Time
}

// Connection is one daemon and the logs that come from it.
type Connection struct {
	// Address is the address of the daemon, in the form of libspread ([spread.ParseAddress]).
	Address string
	Logs    []Log
}

// Log says what happens to the messages of a group.
type Log struct {
	Group string
	// GroupsFile is a file with the names of groups, one a line, in place of Group. It is read again
	// when it changes.
	GroupsFile string
	// File is the file that lines are appended to: a path, or a template of paths (package
	// logpath). It is made if needed, and so are the directories of a template below its
	// [logpath.Template.Base]. "|COMMAND" is the standard input of a command. Logs may share files
	// and commands.
	File string
	// SQL is a table that lines are inserted into. It takes the place of File. Logs may share it.
	SQL *sqlsink.Config
	// Perl is a Perl function, "package::function", that is called with sender, group and message.
	// It takes the place of File. All logs share one interpreter ([Config.Perl], package perlsink).
	Perl string
	// Match are patterns of which one must match, unless there is none. They apply to the message
	// as it was sent, before its time is rewritten.
	Match []*regexp.Regexp
	// Filter says which of these messages are kept.
	Filter logline.Rules
	// Envelope says what happens to envelopes.
	Envelope Envelope
	// VHost says whether messages begin with the name of a virtual host, and what happens to it.
	VHost logline.VHostWord
	// Clock selects the time of a line, for File and Rewrite.
	Clock Clock
	// Keep says when files are cut and compressed, and how long they are kept. Logs with the same
	// File must have the same Keep.
	Keep Keeping
	// Access is that of its files, as far as it differs from [Config.Access]. Logs with the same File must
	// have the same.
	Access fsutil.Permissions
	// Rewrite is the format in which the bracketed time is replaced by that of Clock:
	// RewriteCommonLog, or a format of strftime. Empty leaves lines unchanged.
	Rewrite string
}

// Envelope says what happens to the envelopes that publishers put around lines (package envelope).
type Envelope string

// The values of [Envelope].
const (
	// EnvelopeStrip removes them, and drops duplicates.
	EnvelopeStrip Envelope = ""
	// EnvelopeIndex does the same, also over a restart: it keeps an index of the lines beside each
	// file (package lineindex).
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

// format returns the format of Rewrite.
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

// Check returns what is wrong with the configuration, as far as that can be seen without opening
// files.
func (c Config) Check() error {
	_, err := c.withDefaults()
	return err
}

// commandWait returns how long sinks with a queue may take at the end.
func (c *Config) commandWait() time.Duration {
	return cmp.Or(c.CommandWait, commandsink.DefaultEndWait)
}

// sync returns what SyncInterval means for files.
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

// source names where the lines of a log come from, for errors.
func (l *Log) source() string {
	if l.GroupsFile != "" {
		return "groups_file " + l.GroupsFile
	}
	return fmt.Sprintf("group %q", l.Group)
}

// check returns what is wrong with a log. Its path becomes absolute.
func (l *Log) check() error {
	if l.GroupsFile == "" {
		if err := spread.CheckGroup(l.Group); err != nil {
			return fmt.Errorf("logsub: %w", err)
		}
	} else if l.Group != "" {
		return fmt.Errorf("logsub: %s: %w", l.source(), errTwoGroups)
	} else if path, err := filepath.Abs(l.GroupsFile); err == nil {
		l.GroupsFile = path
	}
	if err := l.Envelope.check(); err != nil {
		return fmt.Errorf("logsub: %s: %w", l.source(), err)
	}
	switch {
	case l.Perl != "" && l.File != "":
		return fmt.Errorf("logsub: %s: %w", l.source(), errPerlAndFile)
	case l.Perl != "" && l.Keep != (Keeping{}):
		return fmt.Errorf("logsub: %s: %w", l.source(), errKeepPerl)
	case l.Perl != "" && checkPerlName(l.Perl) != nil:
		return fmt.Errorf("logsub: %s: %w", l.source(), checkPerlName(l.Perl))
	case l.Perl != "" && l.SQL != nil:
		return fmt.Errorf("logsub: %s has a table and a Perl function: make two logs of it", l.source())
	case l.File == "" && l.SQL == nil && l.Perl == "":
		return fmt.Errorf("logsub: no file for %s", l.source())
	case l.File != "" && l.SQL != nil:
		return fmt.Errorf("logsub: %s has a file and a table: make two logs of it", l.source())
	case l.SQL != nil && l.Keep != (Keeping{}):
		return fmt.Errorf("logsub: %s: %w", l.source(), errKeepSQL)
	case !l.Clock.Valid():
		return fmt.Errorf("logsub: %s: unknown %v", l.source(), l.Clock)
	case !l.VHost.Valid():
		return fmt.Errorf("logsub: %s: unknown %v", l.source(), l.VHost)
	case !(l.Filter.Sample >= 0 && l.Filter.Sample <= 1):
		return fmt.Errorf("logsub: %s: invalid sample %v (want above 0 and up to 1)", l.source(), l.Filter.Sample)
	case (l.Perl != "" || l.SQL != nil || strings.HasPrefix(l.File, "|")) && l.Access != (fsutil.Permissions{}):
		return fmt.Errorf("logsub: %s: %w", l.source(), errAccess)
	case strings.HasPrefix(l.File, "|") && l.Keep != (Keeping{}):
		return fmt.Errorf("logsub: %s: %w", l.source(), errKeepCommand)
	case (l.Perl != "" || l.SQL != nil || strings.HasPrefix(l.File, "|")) && l.Envelope == EnvelopeIndex:
		return fmt.Errorf("logsub: %s: %w", l.source(), errIndexCommand)
	case strings.TrimSpace(l.File) == "|":
		return fmt.Errorf("logsub: %s: the file is a pipe without a command", l.source())
	}
	return nil
}

// withDefaults checks the configuration and fills in what is not set. Paths become absolute, so
// that a later change of the working directory does not move files.
func (c Config) withDefaults() (Config, error) {
	if len(c.Connections) == 0 {
		return c, errors.New("logsub: nothing to subscribe to: name a group and a file")
	}
	connections := make([]Connection, len(c.Connections))
	if err := c.Access.Check(); err != nil {
		return c, fmt.Errorf("logsub: %w", err)
	}
	known := sharedSinks{kept: make(map[string]Keeping), access: make(map[string]fsutil.Permissions), indexed: make(map[string]bool), tables: make(map[string]*sqlsink.Config)}
	for i, conn := range c.Connections {
		if _, err := spread.ParseAddress(conn.Address); err != nil {
			return c, fmt.Errorf("logsub: %w", err)
		}
		connections[i] = Connection{Address: conn.Address}
		for _, l := range conn.Logs {
			if err := l.check(); err != nil {
				return c, err
			}
			if err := known.add(&l, c.NoLock); err != nil {
				return c, err
			}
			connections[i].Logs = append(connections[i].Logs, l)
		}
	}
	c.Connections = connections
	if err := c.Perl.check(); err != nil {
		return c, err
	}
	if err := c.Heal.check(); err != nil {
		return c, err
	}
	c.Heal.Rate = cmp.Or(c.Heal.Rate, DefaultHealRate)
	if c.Host = cmp.Or(c.Host, hostName()); envelope.CheckPublisher(c.Host) != nil {
		return c, fmt.Errorf("logsub: invalid host %q (want 1 to %d printable ASCII characters without spaces)", c.Host, envelope.MaxPublisher)
	}
	c.QueueBytes = cmp.Or(c.QueueBytes, DefaultQueueBytes)
	c.Patience = cmp.Or(c.Patience, DefaultPatience)
	c.StatsInterval = cmp.Or(c.StatsInterval, DefaultStatsInterval)
	c.OpenFiles = cmp.Or(c.OpenFiles, DefaultOpenFiles)
	c.Zone = cmp.Or(c.Zone, time.UTC)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Disk == nil {
		c.Disk = fsutil.OS{}
	}
	if c.HealListen == nil {
		c.HealListen = func(address string) (net.Listener, error) { return net.Listen("tcp", address) }
	}
	return c, nil
}

// sharedSinks are the files and tables of the logs seen so far. Logs that share one must agree
// about it.
type sharedSinks struct {
	kept    map[string]Keeping            // by template
	access  map[string]fsutil.Permissions // the same
	indexed map[string]bool               // the same
	tables  map[string]*sqlsink.Config    // by name
}

// add adds the file or the table of a log. The path becomes absolute.
func (k *sharedSinks) add(l *Log, noLock bool) error {
	if l.SQL != nil {
		if err := l.SQL.Check(); err != nil {
			return fmt.Errorf("logsub: %s: %w", l.source(), err)
		}
		name := sqlName(l.SQL)
		if other := k.tables[name]; other != nil && !other.Equal(l.SQL) {
			return fmt.Errorf("logsub: two sinks are called %s, and differ: rename one of them", name)
		}
		k.tables[name] = l.SQL
		return nil
	}
	if _, command := l.command(); command || l.Perl != "" {
		return nil
	}
	t, err := logpath.Parse(l.File)
	if err != nil {
		return fmt.Errorf("logsub: file %s: %w", l.File, err)
	}
	l.File = t.String()
	if err := l.Keep.Check(t, !noLock); err != nil {
		return fmt.Errorf("logsub: file %s: %w", l.File, err)
	}
	if keep, ok := k.kept[l.File]; ok && keep != l.Keep {
		return fmt.Errorf("logsub: file %s: two logs have it, and differ about when it is cut, compressed or removed", l.File)
	}
	k.kept[l.File] = l.Keep
	if err := l.Access.Check(); err != nil {
		return fmt.Errorf("logsub: file %s: %w", l.File, err)
	}
	if access, ok := k.access[l.File]; ok && access != l.Access {
		return fmt.Errorf("logsub: file %s: two logs have it, and differ about its mode or group", l.File)
	}
	k.access[l.File] = l.Access
	index := l.Envelope == EnvelopeIndex
	if other, ok := k.indexed[l.File]; ok && other != index {
		return fmt.Errorf("logsub: file %s: two logs have it, and differ about its index", l.File)
	}
	if k.indexed[l.File] = index; index && noLock {
		return fmt.Errorf("logsub: file %s: %w", l.File, errIndexLock)
	}
	return nil
}
