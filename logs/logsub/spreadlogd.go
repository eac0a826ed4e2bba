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

// FromSpreadlogd turns a spreadlogd.conf into a configuration. A directive for something that
// logsub lacks is an error with its place: ignoring it would lose log lines silently. A log with a
// file and a Perl function becomes two, because Match and VhostDir apply to the file only
// (spreadlogd §8).
func FromSpreadlogd(c *spreadlogdconf.Config) (Config, error) {
	cfg := Config{BufferSize: c.BufferSize, Zone: time.Local}
	var errs conf.Errors
	refuse := func(pos conf.Pos, what, advice string) {
		errs = append(errs, &conf.Error{Pos: pos, Problem: what, Advice: advice})
	}
	for _, d := range c.Handlers() {
		switch d.Name {
		case "File": // a command, which logsub can run
		case "PerlLib", "PerlUse", "PerlLog", "PerlHup":
		default:
			refuse(d.Pos, d.Name+" calls foreign code, which logsub cannot run",
				"use a command instead (File = \"|COMMAND\"), or keep spreadlogd beside logsub for it")
		}
	}
	for _, s := range c.Perl {
		switch {
		case s.Value == "":
			refuse(s.Pos, "an empty name", "name a directory, or a module")
		case s.Name == "PerlLib":
			cfg.Perl.Load = append(cfg.Perl.Load, perlsink.Step{Lib: s.Value})
		case s.Name == "PerlUse":
			cfg.Perl.Load = append(cfg.Perl.Load, perlsink.Step{Use: s.Value})
		}
	}
	for i := range c.Spreads {
		s := &c.Spreads[i]
		for j := range s.Logs {
			cfg.addSpreadlogd(s.Address(), &s.Logs[j], refuse)
		}
	}
	if len(errs) > 0 {
		return Config{}, errs
	}
	return cfg, nil
}

// addSpreadlogd adds a Log block. Blocks for one daemon become one connection.
func (c *Config) addSpreadlogd(address string, l *spreadlogdconf.Log, refuse func(pos conf.Pos, what, advice string)) {
	for _, name := range []spreadlogdconf.Setting{l.PerlLog, l.PerlHup} {
		if name.IsSet() && checkPerlName(name.Value) != nil {
			refuse(name.Pos, checkPerlName(name.Value).Error(), "")
		}
	}
	if l.PerlHup.IsSet() {
		c.Perl.Hup = append(c.Perl.Hup, l.PerlHup.Value)
	}
	hasFile := l.File.IsSet() || l.VhostDir.IsSet()
	if !hasFile && !l.PerlLog.IsSet() {
		refuse(l.Pos, fmt.Sprintf("group %q has no File", l.Group.Value), "add one; without it nothing is written")
	}
	log := Log{Group: l.Group.Value, File: logpath.Escape(l.File.Value)}
	if _, pipe := l.Pipe(); pipe {
		log.File = l.File.Value
	}
	if l.VhostDir.IsSet() {
		// Then File is not used (spreadlogd §11).
		log.File = filepath.Join(logpath.Escape(l.VhostDir.Value), "%{vhost}")
	}
	for _, m := range l.Match {
		log.Match = append(log.Match, m.Regexp)
	}
	switch l.RewriteTimestamp.Kind {
	case spreadlogdconf.RewriteNone:
	case spreadlogdconf.RewriteCommonLog:
		log.Clock, log.Rewrite = ClockReceipt, RewriteCommonLog
	case spreadlogdconf.RewriteFormat:
		log.Clock, log.Rewrite = ClockReceipt, l.RewriteTimestamp.Format
	}
	if l.PerlLog.IsSet() {
		c.add(address, Log{Group: log.Group, Perl: l.PerlLog.Value, Clock: log.Clock, Rewrite: log.Rewrite})
	}
	if hasFile {
		c.add(address, log)
	}
}
