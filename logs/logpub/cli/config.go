package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/conf/tomlconf"
	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/tlsconf"
	"github.com/spreadd/spreadd/logs/internal/input/container"
	"github.com/spreadd/spreadd/logs/internal/input/syslog"
	"github.com/spreadd/spreadd/logs/internal/input/tail"
	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/logpub"
	"github.com/spreadd/spreadd/spread"
)

// File is a configuration file of logpub. docs/logs/logpub.md lists its keys.
type File struct {
	Daemons   []string       `toml:"daemon" default:"4803" old:"daemons" help:"address of the daemon, 4803 on this host or 4803@host; of a list, the next one is used while one is down"`
	Name      string         `toml:"name" help:"private name of the connection (default: lp and the process id)"`
	Groups    []string       `toml:"groups" help:"groups that get the lines of inputs without groups of their own"`
	Service   string         `toml:"service" enum:"unreliable,reliable,fifo,causal,agreed,safe" help:"service of the messages; agreed and safe give all log hosts the same order (default: agreed, or reliable if plain)"`
	Type      int16          `toml:"type" min:"-32768" max:"32767" default:"1" help:"message type that subscribers see"`
	VHost     string         `toml:"vhost" help:"virtual host to put in front of each line"`
	VHostWord string         `toml:"vhost_word" enum:"auto,none,keep,clean,strip" default:"auto" help:"what to do with the virtual host at the start of a line; auto and none leave it, as keep does; clean writes it in lower case without port"`
	Plain     bool           `toml:"plain" old:"envelope" oldfalse:"true" help:"send as mod_log_spread did, one line per message and no envelope, for subscribers other than ours"`
	Publisher string         `toml:"publisher" help:"publisher name in envelopes (default: the host name)"`
	BatchSize conf.Size      `toml:"batch_size" default:"16KiB" old:"batch_bytes" help:"most bytes of lines in one message; 0 for one line per message, the default if plain"`
	MaxLine   conf.Size      `toml:"max_line" help:"truncate longer lines (default: what fits into a message)"`
	Delivery  string         `toml:"delivery" enum:"sent,ordered,written" old:"confirm" oldfalse:"sent" oldtrue:"ordered" help:"keep a line until the daemon of this host has it, every daemon of the ring, or log hosts have written it (default: written with a spool, otherwise ordered; sent if plain)"`
	Acks      int            `toml:"acks" min:"0" max:"16" help:"number of log hosts that must have written a line, if delivery is written (default: 1)"`
	Queue     conf.Size      `toml:"queue" default:"16MiB" old:"queue_bytes" help:"memory for lines that wait for the daemon"`
	Full      string         `toml:"full" enum:"drop-newest,drop-oldest,block" default:"drop-newest" help:"what to do when queue and spool are full"`
	Block     conf.Duration  `toml:"block_time" default:"250ms" old:"block" help:"longest time to stop reading when the queue is full, before lines are dropped; 0s for none"`
	Drain     conf.Duration  `toml:"drain_timeout" default:"5s" old:"drain" help:"time limit for sending the queue at the end; 0s to drop it"`
	Stall     conf.Duration  `toml:"stall_time" default:"30s" old:"stall" help:"time without progress after which the next daemon of the list is used; 0s for never"`
	Return    conf.Duration  `toml:"return_interval" default:"10s" old:"return" help:"interval between attempts to return to the first daemon of the list; 0s for never"`
	Stats     conf.Duration  `toml:"stats_interval" default:"1m" old:"stats" help:"interval between two lines of counters in the log; 0s for none"`
	Metrics   string         `toml:"metrics" help:"address to serve metrics, health checks and the state on, or a port of the loopback address, such as 9804 (default: off)"`
	State     string         `toml:"state" help:"directory of the positions up to which files have been read"`
	Users     []string       `toml:"daemon_users" help:"users that a daemon of this host may run as, besides root, spread and the user of logpub; * for any"`
	TLS       tlsconf.Client `toml:"tls" help:"files for TLS; with one of them, TCP connections to daemons use TLS"`
	Spool     spoolConfig    `toml:"spool" help:"lines that wait on disk"`
	Route     *routeConfig   `toml:"route" help:"groups that depend on the line"`
	Inputs    []inputConfig  `toml:"input" required:"true" help:"a source of lines: stdin, file, syslog or journal"`
}

type spoolConfig struct {
	Dir   string        `toml:"dir" help:"directory for lines that wait; they survive a kill; none keeps them in memory (default: spool in the state directory of the service, or /var/spool/logpub if it can be written)"`
	Size  conf.Size     `toml:"size" min:"1MiB" default:"1GiB" old:"bytes" help:"size limit of the spool"`
	Delay conf.Duration `toml:"delay" default:"20ms" old:"after" help:"write lines to the spool after they have waited this long, those of a pipe at once if delivery is written; a crash loses younger ones; 0s for at once"`
}

type routeConfig struct {
	Field     int    `toml:"field" min:"0" help:"number of the field, from 1, that names the group; fields are separated by spaces"`
	VHost     bool   `toml:"vhost" help:"treat the field as a host name: lower case, without port"`
	Prefix    string `toml:"prefix" help:"text to put in front of the group name"`
	MaxGroups int    `toml:"max_groups" min:"0" default:"10000" help:"most groups to make from lines; further names go to groups"`
	Rules     []struct {
		Match  pattern  `toml:"match" required:"true" help:"regular expression of Go"`
		Groups []string `toml:"groups" required:"true" help:"groups of lines that it matches"`
	} `toml:"rule" help:"in place of field: the first expression that matches a line chooses its groups"`
}

type inputConfig struct {
	Stdin     bool         `toml:"stdin" help:"read standard input"`
	File      string       `toml:"file" help:"path of a file to follow, through its rotation; with * ? or [ in it, all files that match, new ones included"`
	Format    string       `toml:"format" enum:"plain,docker,cri" default:"plain" help:"docker and cri take the lines out of the log files of containers, and join those that the runtime has split"`
	Journal   bool         `toml:"journal" help:"follow the journal of systemd, by journalctl"`
	Match     []string     `toml:"match" help:"entries of the journal to send, as journalctl matches them, such as _SYSTEMD_UNIT=nginx.service (default: all)"`
	MaxFiles  int          `toml:"max_files" min:"1" default:"1000" help:"most files to follow at a time, if file is a pattern"`
	FromStart bool         `toml:"from_start" help:"read what is in the file or the journal already, if it has no position yet"`
	Syslog    string       `toml:"syslog" help:"address to receive syslog on: udp:HOST:PORT, tcp:HOST:PORT, unixgram:PATH or unix:PATH"`
	Raw       bool         `toml:"raw" help:"publish whole syslog messages, with header and tag, or whole entries of the journal as JSON"`
	Groups    []string     `toml:"groups" help:"groups that get the lines (default: those at the top of the file)"`
	VHost     string       `toml:"vhost" help:"virtual host to put in front of each line (default: the one at the top of the file)"`
	VHostWord string       `toml:"vhost_word" enum:"auto,none,keep,clean,strip" default:"auto" help:"what to do with the virtual host at the start of a line"`
	Route     *routeConfig `toml:"route" help:"groups that depend on the line"`

	pos, filePos conf.Pos
}

// pattern is a regular expression.
type pattern struct{ *regexp.Regexp }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *pattern) UnmarshalText(b []byte) (err error) {
	p.Regexp, err = regexp.Compile(string(b))
	return err
}

// Check implements [tomlconf.Checker].
func (c *File) Check(t *tomlconf.Table) {
	if c.Plain && !t.Has("batch_size") {
		c.BatchSize = 0
	}
	for i, a := range c.Daemons {
		if _, err := spread.ParseAddress(a); err != nil {
			t.ErrorAt("daemon", i, "", "%v", err)
		}
	}
	if c.Metrics != "" {
		if err := prom.CheckAddress(c.Metrics); err != nil {
			t.Errorf("metrics", "", "%v", err)
		}
	}
	checkGroups(t, c.Groups)
	stdins := 0
	for i := range c.Inputs {
		if c.Inputs[i].Stdin {
			stdins++
		}
	}
	if stdins > 1 {
		t.Errorf("input", "keep one of them", "%d inputs read standard input", stdins)
	}
	if c.State != "" {
		c.checkFiles(t)
	}
}

// checkFiles reports files that are inputs twice: they would have one position.
func (c *File) checkFiles(t *tomlconf.Table) {
	var files []string
	journals := make(map[string]bool)
	for i := range c.Inputs {
		if in := &c.Inputs[i]; in.Journal {
			match := strings.Join(in.Match, " ")
			if journals[match] {
				t.ErrorAt("input", i, "keep one of them, with the groups of both", "the journal with these matches is an input already")
			}
			journals[match] = true
		}
		file := c.Inputs[i].File
		if file == "" {
			continue
		}
		path, err := filepath.Abs(file)
		if err != nil {
			path = filepath.Clean(file) // without a working directory it cannot be followed either
		}
		for _, other := range files {
			if matches(path, other) || matches(other, path) {
				t.ErrorAt("input", i, "keep one of them, with the groups of both", "%q is an input already", file)
				break
			}
		}
		files = append(files, path)
	}
}

// matches reports whether a path is that of an input, or one of those for which its pattern stands.
func matches(path, input string) bool {
	if path == input {
		return true
	}
	ok, err := filepath.Match(input, path)
	return ok && err == nil && tail.IsPattern(input)
}

// Check implements [tomlconf.Checker].
func (in *inputConfig) Check(t *tomlconf.Table) {
	in.pos, in.filePos = t.Pos(""), t.Pos("file")
	checkGroups(t, in.Groups)
	kinds := 0
	for _, set := range []bool{in.Stdin, in.File != "", in.Syslog != "", in.Journal} {
		if set {
			kinds++
		}
	}
	if _, err := tail.NewJournalFollower(tail.JournalConfig{Match: in.Match}); err != nil {
		t.Errorf("match", "", "%s", strings.TrimPrefix(err.Error(), "tail: "))
	}
	if len(in.Match) > 0 && !in.Journal {
		t.Errorf("match", "", "match is for journal = true")
	}
	if kinds != 1 {
		t.Errorf("", "want one of them", "this input has %d of stdin, file, syslog and journal", kinds)
	}
	if _, err := filepath.Match(in.File, ""); err != nil && tail.IsPattern(in.File) {
		t.Errorf("file", "a [ needs its ]", "%q: %v", in.File, err)
	}
	network, address, _ := strings.Cut(in.Syslog, ":")
	if in.Syslog != "" && (address == "" || !slices.Contains([]string{"udp", "tcp", "unix", "unixgram"}, network)) {
		t.Errorf("syslog", "", "syslog %q: want udp:HOST:PORT, tcp:HOST:PORT, unixgram:PATH or unix:PATH", in.Syslog)
	}
}

func checkGroups(t *tomlconf.Table, groups []string) {
	for i, g := range groups {
		if err := spread.CheckGroup(g); err != nil {
			t.ErrorAt("groups", i, "", "%v", err)
		}
	}
}

// readConfig reads a configuration file. Mistakes are a [conf.Errors].
func readConfig(ctx context.Context, path string) (*File, []conf.Warning, error) {
	text, err := fsutil.ReadFile(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	var c File
	warnings, err := tomlconf.Read(path, text, &c)
	return &c, warnings, err
}

// orNever returns the setting of package logpub for a time that is zero for none.
func orNever(d conf.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return time.Duration(d)
}

// publisher returns the configuration of package logpub.
func (c *File) publisher() logpub.Config {
	// Words are known: enum tags have checked them.
	service, _ := spread.ParseService(c.Service)
	delivery, _ := logpub.ParseDelivery(c.Delivery)
	policy, _ := logpub.ParsePolicy(c.Full)
	word, _ := logline.ParseVHostWord(c.VHostWord)
	p := logpub.Config{
		Name: c.Name, Groups: c.Groups, Route: c.Route.route(), VHost: c.VHost, VHostWord: word, Service: service, MessType: c.Type,
		QueueBytes: int(c.Queue), Policy: policy, BlockTime: orNever(c.Block), DrainTimeout: orNever(c.Drain), StatsInterval: orNever(c.Stats),
		StallTime: orNever(c.Stall), ReturnInterval: orNever(c.Return), MaxLine: int(c.MaxLine),
		BatchBytes: cmp.Or(int(c.BatchSize), -1), Plain: c.Plain, Publisher: c.Publisher, Delivery: delivery, Acks: c.Acks,
		Spool: c.Spool.Dir, State: c.State, SpoolBytes: int64(c.Spool.Size), SpoolAfter: orNever(c.Spool.Delay),
	}
	p.TLS, p.DaemonUsers = c.TLS, c.Users
	if len(c.Daemons) > 0 {
		p.Address, p.Fallbacks = c.Daemons[0], c.Daemons[1:]
	}
	if p.Groups == nil {
		// Each input may have its own; then there is no other use for these.
		for _, in := range c.Inputs {
			p.Groups = append(p.Groups, in.Groups...)
		}
		p.Groups = p.Groups[:min(1, len(p.Groups))]
	}
	return p
}

// fileOf returns the file that says the same as a command line.
func fileOf(p *logpub.Config, metrics string) *File {
	c := &File{Inputs: []inputConfig{{Stdin: true, Format: container.Plain.String(), MaxFiles: logpub.DefaultMaxFiles, VHostWord: logline.VHostAuto.String()}}}
	tomlconf.SetDefaults(c)
	c.Name, c.Groups, c.VHost, c.VHostWord, c.Type = p.Name, p.Groups, p.VHost, p.VHostWord.String(), p.MessType
	c.Plain, c.Publisher, c.Metrics = p.Plain, p.Publisher, metrics
	c.Acks, c.TLS, c.Users = p.Acks, p.TLS, p.DaemonUsers
	if p.Delivery != 0 {
		c.Delivery = p.Delivery.String()
	}
	if p.BatchBytes != 0 || p.Plain {
		c.BatchSize = conf.Size(max(0, p.BatchBytes))
	}
	c.MaxLine, c.Queue, c.Full = conf.Size(p.MaxLine), conf.Size(p.QueueBytes), p.Policy.String()
	c.Spool = spoolConfig{Dir: p.Spool, Size: conf.Size(p.SpoolBytes), Delay: conf.Duration(max(0, p.SpoolAfter))}
	c.Block, c.Drain, c.Stats = conf.Duration(max(0, p.BlockTime)), conf.Duration(max(0, p.DrainTimeout)), conf.Duration(max(0, p.StatsInterval))
	if p.Service != 0 {
		c.Service = strings.ToLower(p.Service.String())
	}
	if p.Address != "" && p.Address != logpub.DefaultAddress || len(p.Fallbacks) > 0 {
		c.Daemons = append([]string{p.Address}, p.Fallbacks...)
	}
	if p.Route != nil {
		c.Route = &routeConfig{Field: p.Route.Field, VHost: p.Route.VHost, MaxGroups: logpub.DefaultMaxTargets}
	}
	return c
}

func (r *routeConfig) route() *logpub.Route {
	if r == nil {
		return nil
	}
	to := &logpub.Route{Field: r.Field, VHost: r.VHost, Prefix: r.Prefix, MaxTargets: r.MaxGroups}
	for _, rule := range r.Rules {
		to.Rules = append(to.Rules, logpub.Rule{Match: rule.Match.Regexp, Groups: rule.Groups})
	}
	return to
}

// input returns an input without its source.
func (in *inputConfig) input() logpub.Input {
	word, _ := logline.ParseVHostWord(in.VHostWord)
	return logpub.Input{Groups: in.Groups, Route: in.Route.route(), VHost: in.VHost, VHostWord: word}
}

// check reports the inputs that the publisher does not take. It opens nothing.
func (c *File) check(p *logpub.Publisher) error {
	var errs conf.Errors
	for i := range c.Inputs {
		in := &c.Inputs[i]
		if err := p.CheckInput(in.input()); err != nil {
			errs = append(errs, &conf.Error{Pos: in.pos, Problem: strings.TrimPrefix(err.Error(), "logpub: ")})
		}
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

// followable reports the files that cannot be followed. Those that may be there later are warnings.
func (c *File) followable() (errs conf.Errors, warnings []conf.Warning) {
	for i := range c.Inputs {
		in := &c.Inputs[i]
		if in.File == "" {
			continue
		}
		if tail.IsPattern(in.File) {
			warnings = append(warnings, in.matched()...)
			continue
		}
		err := tail.Check(in.File)
		switch {
		case err == nil:
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
			warnings = append(warnings, conf.Warning{Pos: in.filePos, Text: err.Error()})
		default:
			errs = append(errs, &conf.Error{Pos: in.filePos, Problem: "cannot follow the file", Err: err})
		}
	}
	return errs, warnings
}

// matched reports what prevents following the files of a pattern.
func (in *inputConfig) matched() (warnings []conf.Warning) {
	warn := func(text string) { warnings = append(warnings, conf.Warning{Pos: in.filePos, Text: text}) }
	pattern, err := tail.NewFinder(in.File, "")
	if err != nil {
		warn(err.Error())
		return warnings
	}
	paths, err := pattern.Find()
	switch {
	case err != nil:
		warn(err.Error())
	case len(paths) == 0:
		warn(fmt.Sprintf("no file matches %q yet", in.File))
	case len(paths) > in.MaxFiles:
		warn(fmt.Sprintf("%d files match %q, and at most max_files = %d are followed", len(paths), in.File, in.MaxFiles))
	}
	for _, path := range paths {
		if err := tail.Check(path); err != nil && len(warnings) < maxWarnings {
			warn(err.Error())
		}
	}
	return warnings
}

// maxWarnings bounds the warnings about the files of a pattern.
const maxWarnings = 5

// source opens the file or files of an input.
func (in *inputConfig) source(c *File, watcher *tail.Watcher, log *slog.Logger) (logpub.Source, error) {
	format, _ := container.ParseFormat(in.Format) // an enum tag has checked it
	cfg := tail.Config{Path: in.File, State: c.State, FromStart: in.FromStart, Format: format, Watcher: watcher}
	if tail.IsPattern(in.File) {
		return logpub.NewGlob(logpub.GlobConfig{Config: cfg, MaxFiles: in.MaxFiles}, log)
	}
	return logpub.NewFile(cfg, log)
}

// open opens the inputs.
func (c *File) open(ctx context.Context, p logpub.Config, stdin io.Reader) (inputs []logpub.Input, err error) {
	watcher := new(tail.Watcher)
	for i := range c.Inputs {
		in := &c.Inputs[i]
		var source logpub.Source
		switch {
		case in.Stdin:
			source = logpub.NewStream(stdin)
		case in.Journal:
			source, err = logpub.NewSystemdJournal(tail.JournalConfig{Match: in.Match, State: c.State, FromStart: in.FromStart, Raw: in.Raw}, p.Log)
		case in.File != "":
			source, err = in.source(c, watcher, p.Log)
		default:
			network, address, _ := strings.Cut(in.Syslog, ":")
			source, err = logpub.NewSyslog(ctx, syslog.Config{Network: network, Address: address, Raw: in.Raw}, p.Log)
		}
		if err != nil {
			return nil, err
		}
		input := in.input()
		input.Source = source
		if in.Stdin {
			input.Name = stdinName
		}
		inputs = append(inputs, input)
	}
	return inputs, nil
}
