package spreadlogdconf

import (
	"slices"
	"strconv"
	"strings"
)

// String returns the configuration in the language of the file, each directive as it was
// understood, defaults of BufferSize and Port included. Parsing it gives an equal configuration,
// but for values with both kinds of quotes in them, which the language can only hold by accident.
func (c *Config) String() string {
	var p printer
	p.directive(0, kwBufferSize, strconv.Itoa(c.BufferSize))
	p.setting(0, kwModuleDir, c.ModuleDir)
	for _, m := range c.Modules {
		p.word(0, kwLoadModule, m.Name, m.Config)
	}
	for _, d := range slices.Concat(c.Perl, c.Python) {
		p.line(0, d.Name+" "+quote(d.Value))
	}
	for i := range c.Spreads {
		s := &c.Spreads[i]
		p.line(0, kwSpread.String()+" {")
		p.directive(1, kwPort, s.Port.Value)
		p.setting(1, kwHost, s.Host)
		for j := range s.Logs {
			p.log(&s.Logs[j])
		}
		p.line(0, "}")
	}
	return p.out.String()
}

type printer struct{ out strings.Builder }

func (p *printer) log(l *Log) {
	p.line(1, kwLog.String()+" {")
	p.setting(2, kwGroup, l.Group)
	switch l.RewriteTimestamp.Kind {
	case RewriteNone:
	case RewriteCommonLog:
		p.line(2, kwRewriteTimestamp.String()+" = "+kwCommonLogFormat.String())
	case RewriteFormat:
		p.directive(2, kwRewriteTimestamp, l.RewriteTimestamp.Format)
	}
	for _, m := range l.Match {
		p.directive(2, kwMatch, m.Text)
	}
	for _, m := range l.ModuleLog {
		p.word(2, kwModuleLog, m.Value, "")
	}
	for _, h := range []struct {
		name keyword
		set  Setting
	}{{kwPerlLog, l.PerlLog}, {kwPerlHup, l.PerlHup}, {kwPythonLog, l.PythonLog}} {
		if h.set.IsSet() {
			p.word(2, h.name, h.set.Value, "")
		}
	}
	p.setting(2, kwVhostDir, l.VhostDir)
	p.setting(2, kwFile, l.File)
	p.line(1, "}")
}

func (p *printer) line(depth int, s string) {
	p.out.WriteString(strings.Repeat("\t", depth))
	p.out.WriteString(s)
	p.out.WriteByte('\n')
}

// directive prints a directive that spreadlogd wants with "=".
func (p *printer) directive(depth int, k keyword, value string) {
	p.line(depth, k.String()+" = "+quote(value))
}

func (p *printer) setting(depth int, k keyword, s Setting) {
	if s.IsSet() {
		p.directive(depth, k, s.Value)
	}
}

// word prints a directive that spreadlogd wants without "=".
func (p *printer) word(depth int, k keyword, value, second string) {
	s := k.String() + " " + quote(value)
	if second != "" {
		s += " " + quote(second)
	}
	p.line(depth, s)
}

// quote returns a value as it can stand in a file.
func quote(s string) string {
	bare := s != "" && !strings.ContainsAny(s, " \t\r\n#{}\"'=") && lookup(s) == kwNone
	switch {
	case bare:
		return s
	case !strings.Contains(s, `"`):
		return `"` + s + `"`
	case !strings.Contains(s, "'"):
		return "'" + s + "'"
	default:
		return s
	}
}
