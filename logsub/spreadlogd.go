package logsub

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/spreadd/spreadd/logpath"
	"github.com/spreadd/spreadd/spreadlogdconf"
)

// FromSpreadlogd turns a spreadlogd.conf into a configuration. Directives that
// call for what logsub does not have are errors, each with its place: to write
// less than a file asks for would lose log lines in silence.
func FromSpreadlogd(c *spreadlogdconf.Config) (Config, error) {
	cfg := Config{BufferSize: c.BufferSize, Zone: time.Local}
	var errs spreadlogdconf.Errors
	refuse := func(pos spreadlogdconf.Pos, what, advice string) {
		errs = append(errs, &spreadlogdconf.Error{Pos: pos, Problem: what, Advice: advice})
	}
	for d := range c.Handlers() {
		if d.Name == "File" { // a command, which logsub can run
			continue
		}
		refuse(d.Pos, d.Name+" calls for foreign code, which logsub cannot run",
			"remove it, or keep spreadlogd beside logsub for it")
	}
	for i := range c.Spreads {
		s := &c.Spreads[i]
		for j := range s.Logs {
			l := &s.Logs[j]
			_, pipe := l.Pipe()
			if !l.File.IsSet() && !l.VhostDir.IsSet() {
				refuse(l.Pos, fmt.Sprintf("group %q has no File", l.Group.Value), "add one; without it nothing is written")
			}
			log := Log{Group: l.Group.Value, File: logpath.Escape(l.File.Value)}
			if pipe {
				log.File = l.File.Value
			}
			if l.VhostDir.IsSet() {
				// File is not used then (spreadlogd §11).
				log.File = filepath.Join(logpath.Escape(l.VhostDir.Value), "%{vhost}")
			}
			for _, m := range l.Match {
				log.Match = append(log.Match, m.Regexp)
			}
			switch l.RewriteTimestamp.Kind {
			case spreadlogdconf.RewriteNone:
			case spreadlogdconf.RewriteCommonLog:
				log.Clock = ClockReceipt
				log.Rewrite = RewriteCommonLog
			case spreadlogdconf.RewriteFormat:
				log.Clock = ClockReceipt
				log.Rewrite = l.RewriteTimestamp.Format
			}
			cfg.add(s.Address(), log) // blocks for one daemon are one connection
		}
	}
	if len(errs) > 0 {
		return Config{}, errs
	}
	return cfg, nil
}
