package logsub

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logpath"
	"github.com/spreadd/spreadd/logs/internal/sink/perlsink"
	"github.com/spreadd/spreadd/logs/internal/spreadlogdconf"
)

// FromSpreadlogd turns a spreadlogd.conf into a configuration. Directives that
// call for what logsub does not have are errors, each with its place: to write
// less than a file asks for would lose log lines in silence. A Log with a file and a Perl function becomes two,
// as Match and VhostDir are for the file alone (spreadlogd §8).
func FromSpreadlogd(c *spreadlogdconf.Config) (Config, error) {
	cfg := Config{BufferSize: c.BufferSize, Zone: time.Local}
	var errs conf.Errors
	refuse := func(pos conf.Pos, what, advice string) {
		errs = append(errs, &conf.Error{Pos: pos, Problem: what, Advice: advice})
	}
	for d := range c.Handlers() {
		switch d.Name {
		case "File": // a command, which logsub can run
		case "PerlLib", "PerlUse", "PerlLog", "PerlHup":
		default:
			refuse(d.Pos, d.Name+" calls for foreign code, which logsub cannot run",
				"have a command do it (File = \"|COMMAND\"), or keep spreadlogd beside logsub for it")
		}
	}
	for _, s := range c.Perl {
		switch {
		case s.Value == "":
			refuse(s.Pos, "an empty name", "name a directory, or a module")
		case s.Kind == spreadlogdconf.ScriptLib:
			cfg.Perl.Load = append(cfg.Perl.Load, perlsink.Step{Lib: s.Value})
		case s.Kind == spreadlogdconf.ScriptUse:
			cfg.Perl.Load = append(cfg.Perl.Load, perlsink.Step{Use: s.Value})
		}
	}
	for i := range c.Spreads {
		s := &c.Spreads[i]
		for j := range s.Logs {
			l := &s.Logs[j]
			_, pipe := l.Pipe()
			for _, name := range []spreadlogdconf.Setting{l.PerlLog, l.PerlHup} {
				if name.IsSet() && checkPerlName(name.Value) != nil {
					refuse(name.Pos, checkPerlName(name.Value).Error(), "")
				}
			}
			if l.PerlHup.IsSet() {
				cfg.Perl.Hup = append(cfg.Perl.Hup, l.PerlHup.Value)
			}
			hasFile := l.File.IsSet() || l.VhostDir.IsSet()
			if !hasFile && !l.PerlLog.IsSet() {
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
			// Blocks for one daemon are one connection.
			if l.PerlLog.IsSet() {
				cfg.add(s.Address(), Log{Group: log.Group, Perl: l.PerlLog.Value, Clock: log.Clock, Rewrite: log.Rewrite})
			}
			if hasFile {
				cfg.add(s.Address(), log)
			}
		}
	}
	if len(errs) > 0 {
		return Config{}, errs
	}
	return cfg, nil
}
