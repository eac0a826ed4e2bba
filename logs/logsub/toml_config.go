package logsub

import (
	"cmp"
	"regexp"
	"slices"
	"time"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/conf/tomlconf"
	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
	"github.com/spreadd/spreadd/logs/internal/sink/perlsink"
	"github.com/spreadd/spreadd/logs/internal/sink/sqlsink"
)

// config returns what the file says. The enum tags have checked its words.
func (f *File) config() Config {
	cfg := Config{
		BufferSize: int(f.MaxMessage), Truncate: f.Truncate, NoLock: !f.Lock, QueueBytes: int(f.Queue),
		StatsInterval: orNever(f.Stats), Metrics: f.Metrics, Host: f.Host, OpenFiles: f.OpenFiles, BatchBytes: int(f.FlushSize),
		FlushDelay: time.Duration(f.FlushDelay), SyncInterval: time.Duration(f.Sync), CommandWait: time.Duration(f.Wait), Patience: time.Duration(f.Patience),
		Spool: f.Spool.Dir, Perl: Perl{Program: f.PerlPath},
	}
	cfg.TLS, cfg.DaemonUsers, cfg.Access = f.TLS, f.Users, f.access()
	if f.Heal.Listen != "" {
		cfg.Heal = f.Heal.config()
	}
	if f.Spool.Dir != "" {
		cfg.SpoolBytes = int64(f.Spool.Size)
	}
	if zone, _ := time.LoadLocation(f.Zone); zone != time.UTC {
		cfg.Zone = zone
	}
	for _, p := range f.Perl {
		// Perl puts each directory in front of those before it. People list first what comes first.
		for _, dir := range slices.Backward(p.Lib) {
			cfg.Perl.Load = append(cfg.Perl.Load, perlsink.Step{Lib: dir})
		}
		for _, module := range p.Use {
			cfg.Perl.Load = append(cfg.Perl.Load, perlsink.Step{Use: module})
		}
		cfg.Perl.Hup = append(cfg.Perl.Hup, p.Hup...)
	}
	for i := range f.Logs {
		cfg.add(cmp.Or(f.Logs[i].Daemon, f.Daemon), f.Logs[i].log())
	}
	return cfg
}

// add adds a log to the connection with an address.
func (c *Config) add(address string, l Log) {
	i := slices.IndexFunc(c.Connections, func(conn Connection) bool { return conn.Address == address })
	if i < 0 {
		i = len(c.Connections)
		c.Connections = append(c.Connections, Connection{Address: address})
	}
	c.Connections[i].Logs = append(c.Connections[i].Logs, l)
}

// orNever returns a time of which zero means the default and negative means none.
func orNever(d conf.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return time.Duration(d)
}

func (l *logTable) log() Log {
	clock, _ := logline.ParseClock(l.Clock)
	by, _ := logline.ParseField(l.SampleBy)
	vhost, _ := logline.ParseVHostWord(l.VHostWord)
	log := Log{
		Group: l.Group, GroupsFile: l.GroupsFile, File: l.Path, Perl: l.Function, Match: expressions(l.Match), VHost: vhost,
		Clock: clock, Rewrite: l.Rewrite, Keep: l.keeping(), Access: l.access(),
		Filter: logline.Rules{Keep: conditions(l.Keep), Drop: conditions(l.Drop), Sample: l.Sample, SampleBy: by},
	}
	if l.Envelope != stripWord {
		log.Envelope = Envelope(l.Envelope)
	}
	if l.SQL != nil {
		log.SQL = l.SQL.config()
	}
	return log
}

// stripWord is the word of EnvelopeStrip.
const stripWord = "strip"

func (l *logTable) keeping() Keeping {
	compress, _ := archive.ParseCompression(l.Compress)
	return Keeping{Size: int64(l.RotateSize), Compress: compress, Age: time.Duration(l.KeepAge), Count: l.KeepCount}
}

func expressions(list []pattern) (out []*regexp.Regexp) {
	for _, p := range list {
		out = append(out, p.Regexp)
	}
	return out
}

func conditions(list []condition) (out []logline.Condition) {
	for _, c := range list {
		field, _ := logline.ParseField(c.Field)
		f := logline.Condition{Field: field, Match: c.Match.Regexp, Not: c.Not}
		for _, s := range c.Status {
			f.Status = append(f.Status, s.Status)
		}
		out = append(out, f)
	}
	return out
}

func (s *sqlTable) config() *sqlsink.Config {
	c := &sqlsink.Config{
		Name: s.Name, Driver: s.Driver, DSN: s.DSN, DSNFile: s.DSNFile, DSNEnv: s.DSNEnv, Table: s.Table,
		Positions: s.Positions, PositionKey: s.PositionKey, BatchLines: s.BatchLines, BatchDelay: orNever(s.BatchDelay), Timeout: time.Duration(s.Timeout),
	}
	for name, word := range s.Columns {
		field, _ := sqlsink.ParseField(word)
		c.Columns = append(c.Columns, sqlsink.Column{Name: name, Field: field})
	}
	slices.SortFunc(c.Columns, func(a, b sqlsink.Column) int { return cmp.Compare(a.Name, b.Name) })
	return c
}

// TOML writes the configuration as a file, without what is the default. [ParseTOML] reads it back;
// Log, Dial, Now and Output are not part of it.
func (c Config) TOML() string {
	var f File
	tomlconf.SetDefaults(&f)
	f.Host = c.Host
	f.TLS, f.Users = c.TLS, c.DaemonUsers
	f.FileMode, f.DirMode, f.OwnerGroup = conf.Mode(c.Access.FileMode), conf.Mode(c.Access.DirMode), c.Access.Group
	f.MaxMessage, f.Truncate, f.Lock, f.Metrics = conf.Size(c.BufferSize), c.Truncate, !c.NoLock, c.Metrics
	f.Queue = cmp.Or(conf.Size(c.QueueBytes), f.Queue)
	f.Stats = givenOr(c.StatsInterval, f.Stats)
	f.OpenFiles = cmp.Or(c.OpenFiles, f.OpenFiles)
	f.FlushSize = cmp.Or(conf.Size(c.BatchBytes), f.FlushSize)
	f.FlushDelay, f.Sync = conf.Duration(c.FlushDelay), syncTime(c.SyncInterval)
	f.Wait = cmp.Or(conf.Duration(c.CommandWait), f.Wait)
	f.Patience = cmp.Or(conf.Duration(max(0, c.Patience)), f.Patience)
	f.Spool.Dir = c.Spool
	f.Spool.Size = cmp.Or(conf.Size(c.SpoolBytes), f.Spool.Size)
	f.Heal = healTable{Listen: c.Heal.Listen, Address: c.Heal.Address, Peers: c.Heal.Peers, Rate: cmp.Or(conf.Size(c.Heal.Rate), f.Heal.Rate)}
	if c.Zone != nil {
		f.Zone = c.Zone.String()
	}
	f.PerlPath, f.Perl = c.Perl.Program, perlTables(&c.Perl)
	if len(c.Connections) == 1 {
		f.Daemon = c.Connections[0].Address
	}
	for _, conn := range c.Connections {
		for i := range conn.Logs {
			l := tableOf(&conn.Logs[i])
			if conn.Address != f.Daemon {
				l.Daemon = conn.Address
			}
			f.Logs = append(f.Logs, l)
		}
	}
	return tomlconf.Format(&f)
}

// givenOr is the reverse of orNever, with a default for zero.
func givenOr(d time.Duration, def conf.Duration) conf.Duration {
	return max(0, cmp.Or(conf.Duration(d), def))
}

// perlTables returns the tables of what Perl loads. That stays in its order: each table has
// directories and the modules behind them.
func perlTables(p *Perl) (tables []perlTable) {
	rest := p.Load
	for len(rest) > 0 || len(p.Hup) > 0 {
		var t perlTable
		for len(rest) > 0 && rest[0].Lib != "" {
			t.Lib, rest = append(t.Lib, rest[0].Lib), rest[1:]
		}
		for len(rest) > 0 && rest[0].Lib == "" {
			t.Use, rest = append(t.Use, rest[0].Use), rest[1:]
		}
		slices.Reverse(t.Lib)
		if len(rest) == 0 {
			t.Hup = p.Hup
			return append(tables, t)
		}
		tables = append(tables, t)
	}
	return tables
}

func tableOf(l *Log) logTable {
	t := logTable{
		Group: l.Group, GroupsFile: l.GroupsFile, Path: l.File, Function: l.Perl, Keep: conditionTables(l.Filter.Keep), Drop: conditionTables(l.Filter.Drop),
		Sample: l.Filter.Sample, SampleBy: l.Filter.SampleBy.String(), VHostWord: l.VHost.String(), Clock: l.Clock.String(),
		Rewrite: l.Rewrite, Envelope: cmp.Or(string(l.Envelope), stripWord), RotateSize: conf.Size(l.Keep.Size),
		FileMode: conf.Mode(l.Access.FileMode), DirMode: conf.Mode(l.Access.DirMode), OwnerGroup: l.Access.Group,
		Compress: l.Keep.Compress.String(), KeepAge: conf.Duration(l.Keep.Age), KeepCount: l.Keep.Count,
	}
	for _, re := range l.Match {
		t.Match = append(t.Match, pattern{re})
	}
	if c := l.SQL; c != nil {
		var s sqlTable
		tomlconf.SetDefaults(&s)
		s.Name, s.Driver, s.DSN, s.DSNFile, s.DSNEnv, s.Table = c.Name, c.Driver, c.DSN, c.DSNFile, c.DSNEnv, c.Table
		s.Positions, s.PositionKey, s.Columns = c.Positions, c.PositionKey, make(map[string]string)
		s.BatchLines, s.BatchDelay = cmp.Or(c.BatchLines, s.BatchLines), givenOr(c.BatchDelay, s.BatchDelay)
		s.Timeout = cmp.Or(conf.Duration(c.Timeout), s.Timeout)
		for _, col := range c.Columns {
			s.Columns[col.Name] = col.Field.String()
		}
		t.SQL = &s
	}
	return t
}

func conditionTables(list []logline.Condition) (tables []condition) {
	for i := range list {
		c := &list[i]
		t := condition{Field: c.Field.String(), Match: pattern{c.Match}, Not: c.Not}
		for _, s := range c.Status {
			t.Status = append(t.Status, statusText{s})
		}
		tables = append(tables, t)
	}
	return tables
}
