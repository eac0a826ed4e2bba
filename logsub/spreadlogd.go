package logsub

import (
	"fmt"

	"github.com/spreadd/spreadd/spreadlogdconf"
)

// FromSpreadlogd turns a spreadlogd.conf into a configuration. Directives that
// call for what logsub does not have are errors, each with its place: to write
// less than a file asks for would lose log lines in silence.
func FromSpreadlogd(c *spreadlogdconf.Config) (Config, error) {
	cfg := Config{BufferSize: c.BufferSize}
	var errs spreadlogdconf.Errors
	refuse := func(pos spreadlogdconf.Pos, what, advice string) {
		errs = append(errs, &spreadlogdconf.Error{Pos: pos, Problem: what, Advice: advice})
	}
	for d := range c.Handlers() {
		refuse(d.Pos, d.Name+" calls for foreign code, which logsub cannot run",
			"remove it, or keep spreadlogd beside logsub for it")
	}
	for i := range c.Spreads {
		s := &c.Spreads[i]
		for j := range s.Logs {
			l := &s.Logs[j]
			if l.VhostDir.IsSet() {
				refuse(l.VhostDir.Pos, "VhostDir is not there yet", "give each virtual host a group of its own")
			}
			_, pipe := l.Pipe()
			switch {
			case pipe:
				refuse(l.File.Pos, "a command as File is not there yet", "name a file")
			case !l.File.IsSet():
				refuse(l.Pos, fmt.Sprintf("group %q has no File", l.Group.Value), "add one; without it nothing is written")
			}
			log := Log{Group: l.Group.Value, File: l.File.Value}
			for _, m := range l.Match {
				log.Match = append(log.Match, m.Regexp)
			}
			switch l.RewriteTimestamp.Kind {
			case spreadlogdconf.RewriteNone:
			case spreadlogdconf.RewriteCommonLog:
				log.Rewrite = RewriteCommonLog
			case spreadlogdconf.RewriteFormat:
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
