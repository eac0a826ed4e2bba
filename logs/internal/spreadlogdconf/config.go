package spreadlogdconf

import (
	"regexp"
	"slices"
	"strings"

	"github.com/spreadd/spreadd/internal/conf"
)

// Defaults of spreadlogd (spreadlogd §5).
const (
	// DefaultBufferSize is the largest message in bytes where BufferSize does not say otherwise.
	DefaultBufferSize = 8192
	// DefaultPort is the port of a Spread block that names none.
	DefaultPort = "4803"
)

// Setting is the value of a directive, and the place of the directive. A directive that was not
// given has the zero value.
type Setting struct {
	Value string
	Pos   conf.Pos
}

// IsSet reports whether the directive was given, even with an empty value.
func (s Setting) IsSet() bool { return s.Pos.IsValid() }

// Config is a configuration file.
type Config struct {
	// BufferSize is the largest message that is written, in bytes, at least
	// 1. BufferSizePos is zero if the default applies.
	BufferSize    int
	BufferSizePos conf.Pos
	// ModuleDir is where C modules are.
	ModuleDir Setting
	// Modules are the C modules to load, in the order of the file.
	Modules []Module
	// Perl are PerlLib and PerlUse, in the order of the file, which counts: a library directory has
	// to come before the module found there.
	Perl []Directive
	// Python are PythonLib and PythonImport, in the order of the file.
	Python []Directive
	// Spreads are the daemons to connect to; there is at least one.
	Spreads []Spread
	// Warnings are in the order of their places.
	Warnings []conf.Warning
}

// Module is one LoadModule (spreadlogd §16).
type Module struct {
	Name   string
	Config string // what its init function gets; empty if not given
	Pos    conf.Pos
}

// Spread is one Spread block: a daemon, and what to do with its groups.
type Spread struct {
	Pos conf.Pos
	// Port is DefaultPort, with no position, if not given. It may be in the form "4913@host".
	Port Setting
	// Host is not set for a daemon on this machine.
	Host Setting
	// Logs are in the order of the file. Several may be for one group.
	Logs []Log
}

// Address returns the daemon's address in libspread's form: "4803", a daemon on this machine, or
// "4803@host" (spreadlogd §5, client-protocol §2.3).
func (s *Spread) Address() string {
	if s.Host.IsSet() {
		return s.Port.Value + "@" + s.Host.Value
	}
	return s.Port.Value
}

// Log is one Log block: what to do with the messages of a group.
type Log struct {
	Pos conf.Pos
	// Group is always set, and not empty.
	Group Setting
	// File is where lines go. It may be a command; see [Log.Pipe].
	File Setting
	// VhostDir is a directory of files that are named by the first word of each line (spreadlogd
	// §11).
	VhostDir Setting
	// RewriteTimestamp says what becomes of a line's time.
	RewriteTimestamp Rewrite
	// Match are the patterns of which a message has to match one, if there are any, to be written
	// to the file.
	Match []Pattern
	// ModuleLog, PerlLog, PerlHup and PythonLog name foreign code that gets each message, or with
	// PerlHup each request to reopen files.
	ModuleLog                   []Setting
	PerlLog, PerlHup, PythonLog Setting
}

// Pipe returns the shell command of a File that is one: "|CMD".
func (l *Log) Pipe() (command string, ok bool) {
	return strings.CutPrefix(l.File.Value, "|")
}

// RewriteKind says what RewriteTimestamp puts into the place of a time.
type RewriteKind uint8

// The kinds of [Rewrite].
const (
	// RewriteNone leaves lines alone.
	RewriteNone RewriteKind = iota
	// RewriteCommonLog puts in the time of receipt as web servers write it.
	RewriteCommonLog
	// RewriteFormat puts in the time of receipt in a format of strftime.
	RewriteFormat
)

// Rewrite is the value of RewriteTimestamp (spreadlogd §9).
type Rewrite struct {
	Kind   RewriteKind
	Format string // of RewriteFormat
	Pos    conf.Pos
}

// Pattern is one Match.
type Pattern struct {
	Text   string // as in the file, in egrep's syntax
	Regexp *regexp.Regexp
	Pos    conf.Pos
}

// Directive is a directive by name.
type Directive struct {
	Name, Value string
	Pos         conf.Pos
}

// Handlers returns the directives that call for foreign code: C modules, Perl, Python and pipes to
// commands. A program that cannot run such code should refuse them rather than write less than the
// file asks for.
func (c *Config) Handlers() []Directive {
	var list []Directive
	add := func(k keyword, s Setting) {
		if s.IsSet() {
			list = append(list, Directive{k.String(), s.Value, s.Pos})
		}
	}
	for _, m := range c.Modules {
		add(kwLoadModule, Setting{m.Name, m.Pos})
	}
	list = slices.Concat(list, c.Perl, c.Python)
	for i := range c.Spreads {
		for j := range c.Spreads[i].Logs {
			l := &c.Spreads[i].Logs[j]
			for _, m := range l.ModuleLog {
				add(kwModuleLog, m)
			}
			add(kwPerlLog, l.PerlLog)
			add(kwPerlHup, l.PerlHup)
			add(kwPythonLog, l.PythonLog)
			if _, ok := l.Pipe(); ok {
				add(kwFile, l.File)
			}
		}
	}
	return list
}

// hasHandler reports whether something but a file gets the messages.
func (l *Log) hasHandler() bool {
	return len(l.ModuleLog) > 0 || l.PerlLog.IsSet() || l.PythonLog.IsSet()
}
