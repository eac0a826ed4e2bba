package spreadlogdconf

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/internal/conf"
)

// check looks at a configuration that was read whole.
func (p *parser) check() {
	blocks := make(map[string]conf.Pos) // of Spread, by address
	for i := range p.cfg.Spreads {
		s := &p.cfg.Spreads[i]
		if first, ok := blocks[s.Address()]; ok {
			p.warn(s.Pos, "line "+strconv.Itoa(first.Line)+" also has a Spread block for "+quoteShort(s.Address())+", which spreadlogd uses alone; logsub uses both")
		} else {
			blocks[s.Address()] = s.Pos
		}
		p.checkSpread(s)
	}
}

func (p *parser) checkSpread(s *Spread) {
	if len(s.Logs) == 0 {
		p.warn(s.Pos, "this Spread block has no Log, so it has no effect")
	}
	if s.Host.IsSet() && strings.Contains(s.Port.Value, "@") {
		p.errorf(s.Host.Pos, "both Host and Port ("+quoteShort(s.Port.Value)+") name a host", "remove one of them")
	}
	groups := make(map[string]conf.Pos)
	for i := range s.Logs {
		l := &s.Logs[i]
		if l.Group.Value == "" {
			p.errorf(l.Pos, "this Log has no Group", "add Group = NAME")
			continue
		}
		if first, ok := groups[l.Group.Value]; ok {
			p.warn(l.Group.Pos, "line "+strconv.Itoa(first.Line)+" also has a Log for group "+quoteShort(l.Group.Value)+", which spreadlogd uses alone; logsub uses both")
		} else {
			groups[l.Group.Value] = l.Group.Pos
		}
		p.checkLog(l)
	}
}

func (p *parser) checkLog(l *Log) {
	command, isPipe := l.Pipe()
	switch {
	case l.File.IsSet() && l.File.Value == "":
		p.errorf(l.File.Pos, "File is empty", "name a file")
	case isPipe && strings.TrimSpace(command) == "":
		p.errorf(l.File.Pos, `File is a pipe to no command`, `name one: File = "|command"`)
	case l.File.IsSet() && !isPipe && !filepath.IsAbs(l.File.Value):
		p.warn(l.File.Pos, "File "+quoteShort(l.File.Value)+" is relative to the working directory; spreadlogd reopens it under / after SIGHUP")
	case !l.File.IsSet() && !l.VhostDir.IsSet() && !l.hasHandler():
		p.warn(l.Pos, "this Log has no File, so nothing is written")
	}
	if !l.VhostDir.IsSet() {
		return
	}
	switch {
	case l.VhostDir.Value == "":
		p.errorf(l.VhostDir.Pos, "VhostDir is empty", "name a directory")
	case !filepath.IsAbs(l.VhostDir.Value):
		p.warn(l.VhostDir.Pos, "VhostDir "+quoteShort(l.VhostDir.Value)+" is relative to the working directory")
	}
	if l.File.IsSet() {
		p.warn(l.File.Pos, "nothing is written to File, because this Log has a VhostDir")
	} else {
		p.warn(l.VhostDir.Pos, "spreadlogd writes nothing for a VhostDir without a File; logsub does")
	}
	if len(l.Match) > 0 {
		p.warn(l.Match[0].Pos, "spreadlogd ignores Match beside VhostDir; logsub applies it")
	}
}

const maxShown = 40

func quoteShort(s string) string {
	if len(s) > maxShown {
		return strconv.Quote(s[:maxShown]) + "..."
	}
	return strconv.Quote(s)
}
