package logsub

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/conf/tomlconf"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/tlsconf"
	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logpath"
	"github.com/spreadd/spreadd/logs/internal/sink/sqlsink"
	"github.com/spreadd/spreadd/spread"
)

// DefaultDaemon is the daemon on this host at its usual port.
const DefaultDaemon = "4803"

// File is a configuration file of logsub in TOML. docs/logs/logsub.md lists its keys.
type File struct {
	Daemon     string         `toml:"daemon" default:"4803" help:"address of the daemon for logs that name none, 4803 on this host or 4803@host"`
	MaxMessage conf.Size      `toml:"max_message" max:"2147483647" old:"buffer_size" help:"drop longer messages (default: no limit)"`
	Truncate   bool           `toml:"truncate" help:"truncate messages over max_message instead of dropping them"`
	Lock       bool           `toml:"lock" default:"true" help:"lock the files; false if another program writes them too"`
	Queue      conf.Size      `toml:"queue" min:"64KiB" max:"2147483647" default:"64MiB" help:"memory for lines that wait for a sink"`
	Stats      conf.Duration  `toml:"stats_interval" default:"1m" help:"interval between two lines of counters in the log; 0s for none"`
	Host       string         `toml:"host" help:"name of this log host, by which publishers count who has written a line (default: the host name)"`
	Metrics    string         `toml:"metrics" help:"address to serve metrics, health checks and the state on, or a port of the loopback address, such as 9805 (default: off)"`
	OpenFiles  int            `toml:"open_files" min:"1" max:"1048576" default:"256" help:"most files of path templates that are open at a time"`
	FileMode   conf.Mode      `toml:"file_mode" help:"permissions of new files, in octal, such as 0640 (default: 0644 less the umask)"`
	DirMode    conf.Mode      `toml:"dir_mode" help:"permissions of new directories, such as 0750 (default: 0755 less the umask)"`
	OwnerGroup string         `toml:"file_group" help:"group of new files and directories, such as adm; logsub must run as root or be in it (default: the group that logsub runs as)"`
	FlushSize  conf.Size      `toml:"flush_size" min:"1" max:"2147483647" default:"256KiB" old:"batch_bytes" help:"write to a file when this much has been collected for it"`
	FlushDelay conf.Duration  `toml:"flush_delay" default:"0s" help:"how long lines may wait for others before they are written"`
	Sync       syncTime       `toml:"fsync" default:"never" help:"when to flush files to disk: never, batch (after each write) or an interval such as 5s"`
	Wait       conf.Duration  `toml:"command_wait" default:"5s" help:"time limit at the end for commands and databases to take what is left"`
	Patience   conf.Duration  `toml:"patience" min:"1s" default:"10m" help:"how long a command, database or Perl may accept nothing, with no room left, until lines for it are lost; until then publishers keep them, and the others of their groups"`
	Zone       string         `toml:"zone" default:"UTC" help:"time zone of paths and rewritten times: UTC, Local or a name such as Europe/Berlin"`
	PerlPath   string         `toml:"perl_program" help:"path of perl (default: found in PATH)"`
	Users      []string       `toml:"daemon_users" help:"users that a daemon of this host may run as, besides root, spread and the user of logsub; * for any"`
	TLS        tlsconf.Client `toml:"tls" help:"files for TLS; with one of them, TCP connections to daemons use TLS"`
	Spool      spoolTable     `toml:"spool" old:"spool=dir spool_bytes=size" help:"lines that wait on disk for commands, databases and Perl"`
	Heal       healTable      `toml:"heal" help:"log hosts that read each other's files"`
	Perl       []perlTable    `toml:"perl" help:"what Perl loads for logs with a Perl function"`
	Logs       []logTable     `toml:"log" required:"true" help:"a log: a group, and where its lines go"`
}

type spoolTable struct {
	Dir  string    `toml:"dir" help:"directory with a spool for each of them (default: none)"`
	Size conf.Size `toml:"size" min:"1MiB" default:"1GiB" help:"size limit of each spool"`
}

type healTable struct {
	Listen  string    `toml:"listen" help:"address to serve log files to other log hosts on, such as 192.0.2.7:4807 (default: off)"`
	Address string    `toml:"address" help:"address where other log hosts reach it (default: listen, with the name of this host if that has none)"`
	Peers   []string  `toml:"peers" help:"addresses of log hosts to ask first, which may always read (default: those that are found in the groups)"`
	Rate    conf.Size `toml:"rate" min:"1KiB" default:"64MiB" help:"most bytes per second to serve"`
}

type perlTable struct {
	Lib []string `toml:"lib" help:"directories to search for modules, in this order"`
	Use []string `toml:"use" help:"modules to load, in this order"`
	Hup []string `toml:"hup" help:"functions to call after loading and when files are reopened"`
}

type logTable struct {
	Daemon     string        `toml:"daemon" help:"address of the daemon (default: the one at the top of the file)"`
	Group      string        `toml:"group" either:"groups_file" help:"name of the group to join"`
	GroupsFile string        `toml:"groups_file" help:"in place of group, file with the names of groups to join, one a line; it is read again when it changes"`
	Path       string        `toml:"file" help:"file to append to, a path that may depend on the line and the time; or |COMMAND"`
	Function   string        `toml:"perl" help:"Perl function to call in place of writing to a file, as package::function"`
	Match      []pattern     `toml:"match" help:"patterns of which one must match, in the syntax of https://pkg.go.dev/regexp/syntax"`
	Keep       []condition   `toml:"keep" inline:"true" help:"conditions of which one must hold for a line to be written"`
	Drop       []condition   `toml:"drop" inline:"true" help:"conditions of which none may hold"`
	Sample     float64       `toml:"sample" min:"0" max:"1" help:"part of the lines to write, such as 0.1 (default: all)"`
	SampleBy   string        `toml:"sample_by" enum:"line,host,ident,user,time,request,method,path,proto,referrer,agent,rest" default:"line" help:"field by which lines are sampled; those with equal fields stay together"`
	VHostWord  string        `toml:"vhost_word" enum:"auto,none,keep,clean,strip" default:"auto" help:"what to do with the virtual host at the start of a message; auto strips it if the path depends on it, and otherwise takes the word for no virtual host; clean writes it in lower case without port"`
	Clock      string        `toml:"clock" enum:"agreed,line,receipt" default:"agreed" help:"time that counts: the latest of all lines so far, that of the line, or this host's"`
	Rewrite    string        `toml:"rewrite_time" help:"replace the time in brackets: clf, or a format of strftime (default: leave it)"`
	Envelope   string        `toml:"envelope" enum:"strip,index,raw" default:"strip" help:"what to do with envelopes: strip them, strip them and keep an index of the lines, or write them"`
	RotateSize conf.Size     `toml:"rotate_size" help:"start a new file before one grows beyond this (default: no limit)"`
	Compress   string        `toml:"compress" enum:"none,gzip,zstd" default:"none" help:"how to compress closed files"`
	KeepAge    conf.Duration `toml:"keep_age" help:"remove closed files after this time (default: never)"`
	KeepCount  int           `toml:"keep_count" min:"0" max:"2147483647" help:"most closed files to keep (default: all)"`
	FileMode   conf.Mode     `toml:"file_mode" help:"permissions of new files of this log (default: the one at the top of the file)"`
	DirMode    conf.Mode     `toml:"dir_mode" help:"permissions of new directories (default: the one at the top of the file)"`
	OwnerGroup string        `toml:"file_group" help:"group of new files and directories (default: the one at the top of the file)"`
	SQL        *sqlTable     `toml:"sql" help:"table of a database to insert lines into, in place of writing to a file"`

	at *tomlconf.Table
}

type condition struct {
	Field  string       `toml:"field" enum:"line,host,ident,user,time,request,method,path,proto,referrer,agent,rest" default:"line" help:"field to match"`
	Match  pattern      `toml:"match" help:"pattern that must match the field"`
	Status []statusText `toml:"status" help:"status codes such as 404, 5xx or 400-499, of which the line must have one"`
	Not    bool         `toml:"not" help:"negate the condition"`
}

type sqlTable struct {
	Name        string            `toml:"name" help:"name of the sink in counters and of its spool (default: driver and table)"`
	Driver      string            `toml:"driver" required:"true" enum:"mysql,postgres,sqlite" help:"kind of database; mysql is MariaDB, too"`
	DSN         string            `toml:"dsn" help:"address of the database, without a password"`
	DSNFile     string            `toml:"dsn_file" help:"file with the address, which may contain a password"`
	DSNEnv      string            `toml:"dsn_env" help:"environment variable with the address, which may contain a password"`
	Table       string            `toml:"table" help:"table, with its database or schema if needed"`
	Columns     map[string]string `toml:"columns" enum:"group,sender,sender_host,sender_user,vhost,time,received,line,host,ident,user,request,method,path,proto,status,bytes,referrer,agent,rest" help:"column names, each with the field to write to it"`
	Positions   string            `toml:"positions" help:"table of positions, with which each line is inserted exactly once (default: at least once)"`
	PositionKey string            `toml:"position_key" help:"this sink's row there (default: host name and sink)"`
	BatchLines  int               `toml:"batch_lines" min:"1" max:"100000" default:"1000" help:"most lines of a transaction"`
	BatchDelay  conf.Duration     `toml:"batch_delay" default:"1s" help:"how long a line waits for others of its transaction"`
	Timeout     conf.Duration     `toml:"timeout" default:"30s" help:"time limit for connecting and for each transaction"`
}

// ParseTOML reads a configuration in TOML. name stands for the file in messages. The error is a
// [conf.Errors].
func ParseTOML(name string, src []byte) (Config, []conf.Warning, error) {
	var f File
	warnings, err := tomlconf.Read(name, src, &f)
	if err != nil {
		return Config{}, warnings, err
	}
	return f.config(), warnings, nil
}

// Check implements [tomlconf.Checker].
func (f *File) Check(t *tomlconf.Table) {
	checkDaemon(t, f.Daemon)
	if f.Metrics != "" {
		if err := prom.CheckAddress(f.Metrics); err != nil {
			t.Errorf("metrics", "", "%v", err)
		}
	}
	if _, err := time.LoadLocation(f.Zone); err != nil {
		t.Errorf("zone", `write "UTC", "Local" or a name such as "Europe/Berlin"`, "%v", err)
	}
	checkAccess(t, f.access())
	tables := make(map[string]*sqlsink.Config) // by name
	for i := range f.Logs {
		l := &f.Logs[i]
		if l.indexed() && !f.Lock {
			l.at.Errorf("envelope", "", "%v", errIndexLock)
		}
		if tmpl, err := logpath.Parse(l.Path); err == nil && l.Path != "" && !l.isCommand() {
			keep := l.keeping()
			if err := keep.Check(tmpl, f.Lock); err != nil {
				l.at.Errorf("file", "", "%v", err)
			}
		}
		if l.SQL == nil {
			continue
		}
		c := l.SQL.config()
		name := sqlName(c)
		if other := tables[name]; other != nil && !other.Equal(c) {
			l.at.Errorf("sql", "give one of them a name of its own", "two sinks are called %s, and differ", name)
		}
		tables[name] = c
	}
}

func (f *File) access() fsutil.Permissions {
	return fsutil.Permissions{FileMode: fs.FileMode(f.FileMode), DirMode: fs.FileMode(f.DirMode), Group: f.OwnerGroup}
}

func (l *logTable) access() fsutil.Permissions {
	return fsutil.Permissions{FileMode: fs.FileMode(l.FileMode), DirMode: fs.FileMode(l.DirMode), Group: l.OwnerGroup}
}

// checkAccess reports modes that lock out their owner, and a group that this host does not have.
func checkAccess(t *tomlconf.Table, a fsutil.Permissions) {
	if err := a.Check(); err != nil {
		t.Errorf("", "", "%v", err)
	}
	if a.Group == "" {
		return
	}
	if _, err := fsutil.GroupID(a.Group); err != nil {
		t.Errorf("file_group", "make the group, or name one of this host", "file_group: %v", err)
	}
}

// Check implements [tomlconf.Checker].
func (s *spoolTable) Check(t *tomlconf.Table) {
	if t.Has("size") && s.Dir == "" {
		t.Errorf("size", `add dir = "/DIRECTORY"`, "the spool has a size, but no directory")
	}
}

// Check implements [tomlconf.Checker].
func (h *healTable) Check(t *tomlconf.Table) {
	heal := h.config()
	if err := heal.check(); err != nil {
		t.Errorf("", `write "HOST:PORT"`, "%v", err)
	}
	if h.Listen == "" && (h.Address != "" || len(h.Peers) > 0) {
		t.Errorf("", `add listen = ":4807"`, "log files are not served: listen is missing")
	}
}

func (h *healTable) config() Heal {
	return Heal{Listen: h.Listen, Address: h.Address, Peers: h.Peers, Rate: int64(h.Rate)}
}

// Check implements [tomlconf.Checker].
func (p *perlTable) Check(t *tomlconf.Table) {
	for i, dir := range p.Lib {
		if dir == "" {
			t.ErrorAt("lib", i, "name a directory", "an empty name")
		}
	}
	for i, module := range p.Use {
		if module == "" {
			t.ErrorAt("use", i, "name a module", "an empty name")
		}
	}
	for i, name := range p.Hup {
		if err := checkPerlName(name); err != nil {
			t.ErrorAt("hup", i, "", "%v", err)
		}
	}
}

func checkDaemon(t *tomlconf.Table, address string) {
	if _, err := spread.ParseAddress(address); err != nil {
		t.Errorf("daemon", "", "%v", err)
	}
}

func (l *logTable) isCommand() bool { return strings.HasPrefix(l.Path, "|") }
func (l *logTable) indexed() bool   { return l.Envelope == string(EnvelopeIndex) }

// Check implements [tomlconf.Checker].
func (l *logTable) Check(t *tomlconf.Table) {
	l.at = t
	if t.Has("daemon") {
		checkDaemon(t, l.Daemon)
	}
	switch {
	case t.Has("group") && t.Has("groups_file"):
		t.Errorf("groups_file", "", "%v", errTwoGroups)
	case t.Has("group"):
		if err := spread.CheckGroup(l.Group); err != nil {
			t.Errorf("group", "", "%v", err)
		}
	case l.GroupsFile == "":
		t.Errorf("", `add group = "NAME" or groups_file = "/PATH"`, "this log has no group")
	}
	kept := l.keeping() != Keeping{}
	checkAccess(t, l.access())
	if (t.Has("sql") || t.Has("perl") || l.isCommand()) && l.access() != (fsutil.Permissions{}) {
		t.Errorf("", "", "%v", errAccess)
	}
	switch {
	case t.Has("sql"):
		if kept {
			t.Errorf("sql", "", "%v", errKeepSQL)
		}
		if t.Has("file") {
			t.Errorf("file", "make two logs of it", "this log has a file and a table")
		}
		if t.Has("perl") {
			t.Errorf("perl", "make two logs of it", "this log has a Perl function and a table")
		}
	case t.Has("perl"):
		if l.Path != "" {
			t.Errorf("perl", "", "%v", errPerlAndFile)
		} else if err := checkPerlName(l.Function); err != nil {
			t.Errorf("perl", "", "%v", err)
		}
		if kept {
			t.Errorf("perl", "", "%v", errKeepPerl)
		}
	case l.Path == "":
		t.Errorf("file", `add file = "/PATH", perl = "FUNCTION" or a table [log.sql]`, "this log has no file")
	case l.isCommand():
		if strings.TrimSpace(l.Path) == "|" {
			t.Errorf("file", `name one: file = "|COMMAND"`, "the file is a pipe to no command")
		}
		if kept {
			t.Errorf("file", "", "%v", errKeepCommand)
		}
	default:
		if _, err := logpath.Parse(l.Path); err != nil {
			t.Errorf("file", "", "file %s: %v", l.Path, err)
		}
		return
	}
	if l.indexed() {
		t.Errorf("envelope", "", "%v", errIndexCommand)
	}
}

// Check implements [tomlconf.Checker].
func (c *condition) Check(t *tomlconf.Table) {
	switch {
	case !t.Has("match") && !t.Has("status"):
		t.Errorf("", "add match or status", "this condition says nothing")
	case t.Has("field") && !t.Has("match"):
		t.Errorf("field", "add match", "nothing is asked of the field")
	}
}

// Check implements [tomlconf.Checker].
func (s *sqlTable) Check(t *tomlconf.Table) {
	if m, ok := errors.AsType[*sqlsink.Mistake](s.config().Check()); ok && m.Field != "driver" {
		t.Errorf(m.Field, m.Advice, "%s: %v", m.Field, m.Err)
	}
}

// Values of fsync beside an interval.
const (
	syncNever = "never"
	syncBatch = "batch"
)

// ParseSync reads a [Config.SyncInterval]: "never", "batch" or an interval such as "5s".
func ParseSync(text string) (time.Duration, error) {
	switch text {
	case syncNever:
		return 0, nil
	case syncBatch:
		return -1, nil
	}
	d, err := conf.ParseDuration(text)
	if err != nil || d == 0 {
		return 0, fmt.Errorf("%q, want never, batch or an interval such as 5s", text)
	}
	return d, nil
}

// syncTime is a [Config.SyncInterval].
type syncTime time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *syncTime) UnmarshalText(b []byte) error {
	d, err := ParseSync(string(b))
	*s = syncTime(d)
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (s syncTime) MarshalText() ([]byte, error) {
	switch {
	case s == 0:
		return []byte(syncNever), nil
	case s < 0:
		return []byte(syncBatch), nil
	default:
		return []byte(conf.Duration(s).String()), nil
	}
}

// statusText is a code, a class or a range of codes.
type statusText struct{ logline.Status }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *statusText) UnmarshalText(b []byte) (err error) {
	if s.Status, err = logline.ParseStatus(string(b)); err != nil {
		return fmt.Errorf("%q, want a code, a class or a range of codes such as 404, 5xx or 400-499", b)
	}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (s statusText) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// pattern is a regular expression in the syntax of package regexp, in which ^ and $ match at each
// line: otherwise the newline at the end of a message would hide its end.
type pattern struct{ *regexp.Regexp }

// perLine and its end stand around each pattern.
const perLine, perLineEnd = "(?m:", ")"

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *pattern) UnmarshalText(b []byte) (err error) {
	if _, err := regexp.Compile(string(b)); err != nil { // the error shows what the user wrote
		return err
	}
	p.Regexp, err = regexp.Compile(perLine + string(b) + perLineEnd)
	return err
}

// MarshalText implements encoding.TextMarshaler. It returns what UnmarshalText reads.
func (p pattern) MarshalText() ([]byte, error) {
	if text, ok := strings.CutPrefix(p.String(), perLine); ok {
		return []byte(strings.TrimSuffix(text, perLineEnd)), nil
	}
	return []byte("(?-m:" + p.String() + ")"), nil // it was not made by us
}
