package cli

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/logging"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/tlsconf"
	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
	"github.com/spreadd/spreadd/logs/logsub"
)

// Values of -format.
const (
	formatTOML       = "toml"
	formatSpreadlogd = "spreadlogd"
)

// options are the settings of the command line. Zero values leave a setting as the configuration
// file has it.
type options struct {
	conf      string
	buffer    int
	noLock    bool
	verbose   bool
	logFormat logging.Format
	check     bool
	daemon    string
	logs      []logsub.Log
	rewrite   string
	clock     logsub.Clock
	clockSet  bool
	zone      *time.Location
	openFiles int
	keep      logsub.Keeping
	sync      time.Duration
	format    string // of conf
	convert   string
	truncate  bool
	queue     int
	stats     time.Duration
	index     bool
	work      indexWork
	metrics   string
	noFileFor string // a group that was named without a file
	set       *flags.Set
	tls       tlsconf.Client
	users     []string // that the daemon may run as
}

// parse reads the command line.
func parse(args []string) (options, error) {
	o := options{daemon: logsub.DefaultDaemon}
	o.describe()
	if err := o.set.Parse(spreadlogdArgs(args)); err != nil {
		return o, err
	}
	return o, o.validate()
}

// spreadlogdArgs translates the flag -s of spreadlogd, which has no value and means "do not lock":
// one at the end, or in front of another flag. Addresses of daemons do not begin with a dash.
func spreadlogdArgs(args []string) []string {
	args = slices.Clone(args)
	for i, arg := range args {
		if arg == "-s" && (i+1 == len(args) || strings.HasPrefix(args[i+1], "-")) {
			args[i] = "-no-lock"
		}
	}
	return args
}

// describe describes the flags. docs/flags.md lists them.
func (o *options) describe() {
	s := flags.New(flags.Program{
		Name: "logsub",
		Usage: []string{
			"[-s ADDRESS] -g GROUP -o FILE [-g GROUP -o FILE ...]", "-c logsub.toml [-check]", "-c spreadlogd.conf [-check]",
			"-convert spreadlogd.conf > logsub.toml", "-fill DIR -from DIR", "-verify DIR",
		},
		About: "Subscribes to groups and writes their messages to files, commands or databases. SIGHUP or SIGUSR1 reopens the files.",
		Examples: []flags.Example{
			{Args: "-g coolsite -o /data/logs/coolsite.log", Text: "write group coolsite of the daemon on this host to a file"},
			{Args: "-g weblogs -o '/logs/%{vhost}/%Y-%m-%d' -compress zstd -keep-age 30d", Text: "write a file per virtual host and day, and keep 30 days"},
			{Args: "-convert /etc/spreadlogd.conf > /etc/logsub.toml", Text: "migrate from spreadlogd"},
		},
	})
	o.set = s
	s.Group("Configuration")
	s.String(&o.conf, "c", "FILE", "configuration file: TOML if its name ends in .toml, otherwise spreadlogd.conf")
	s.Func("format", formatTOML+"|"+formatSpreadlogd, "format of the file of -c, whatever its name", func(text string) error {
		o.format = text
		if text != formatTOML && text != formatSpreadlogd {
			return fmt.Errorf("want %s or %s", formatTOML, formatSpreadlogd)
		}
		return nil
	})
	s.Bool(&o.check, "check", "print the configuration as understood, or its errors, and exit")
	s.String(&o.convert, "convert", "FILE", "print this spreadlogd.conf as TOML and exit")
	s.Group("Daemon and groups")
	s.String(&o.daemon, "s spread", "ADDRESS", "daemon to connect to: PORT for this host or PORT@HOST")
	o.tls.Flags(s)
	tlsconf.UsersFlag(s, &o.users)
	s.Func("g", "GROUP...", "group to join; its -o follows", func(g string) error {
		if o.noFileFor != "" {
			return fmt.Errorf("group %q has no file yet: put -o FILE behind its -g", o.noFileFor)
		}
		o.noFileFor = g
		return nil
	})
	s.Func("o", "FILE...", "file for the group in front of it, which may contain %Y, %m, %d, %H, %{vhost}, %{group}, %{host}, %{user}; or a command: |COMMAND", func(f string) error {
		if o.noFileFor == "" {
			return errors.New("name a group with -g first")
		}
		o.logs = append(o.logs, logsub.Log{Group: o.noFileFor, File: f})
		o.noFileFor = ""
		return nil
	})
	o.describeOutput(s)
	s.Group("Queue and observation")
	flags.Size(s, &o.queue, "queue", "memory for lines that wait for the files (default: 64MiB)")
	prom.AddressFlag(s, &o.metrics, "metrics", "metrics, health checks and the state", 9805)
	s.Duration(&o.stats, "stats", "log the counters at this interval; negative: never (default: 1m)")
	logging.Flag(s, &o.logFormat)
	s.Bool(&o.verbose, "v x", "log details")
	s.Group("As in spreadlogd")
	flags.Size(s, &o.buffer, "b", "drop longer messages; overrides BufferSize (default: no limit)")
	s.BoolFunc("D", "stay in the foreground, as logsub always does", func() error { return nil })
}

// describeOutput describes the flags for lines, files and indexes.
func (o *options) describeOutput(s *flags.Set) {
	s.Group("Lines")
	s.String(&o.rewrite, "rewrite-timestamp", "FORMAT", "replace the time in brackets with that of -clock: clf, or a strftime format")
	s.Func("clock", "agreed|line|receipt", "time of a line: agreed, the latest of all lines so far; its own; or when it is received (default: agreed)", func(text string) (err error) {
		o.clock, err = logline.ParseClock(text)
		o.clockSet = true
		return err
	})
	flags.Var(s, &o.zone, "zone", "ZONE", "time zone: UTC, Local or a name such as Europe/Berlin (default: UTC)", time.LoadLocation)
	s.Bool(&o.truncate, "truncate", "truncate messages that are too long instead of dropping them")
	s.Group("Files")
	flags.Size(s, &o.keep.Size, "rotate-size", "start a new file (FILE.000001 and so on) before a file becomes larger")
	flags.Var(s, &o.keep.Compress, "compress", "gzip|zstd", "compress closed files", archive.ParseCompression)
	flags.Var(s, &o.keep.Age, "keep-age", "TIME", "delete closed files after this time, such as 30d", conf.ParseDuration)
	s.Int(&o.keep.Count, "keep-count", "N", "keep this number of closed files and delete older ones", 0, math.MaxInt32)
	flags.Var(s, &o.sync, "fsync", "never|batch|TIME", "flush files to disk: never, with each batch, or at an interval such as 5s (default: never)", logsub.ParseSync)
	s.Int(&o.openFiles, "open-files", "N", "most open files of a path template (default: 256)", 0, math.MaxInt32)
	s.Bool(&o.noLock, "no-lock", "do not lock files")
	s.Group("Indexes")
	s.Bool(&o.index, "index", `keep an index of the lines beside each file; same as envelope = "index"`)
	s.String(&o.work.fill, "fill", "DIR", "copy lines that the logs in this directory lack from those of -from, by their indexes, and exit")
	s.String(&o.work.from, "from", "DIR", "logs and indexes of another log host, mounted or copied")
	s.String(&o.work.verify, "verify", "DIR|HOST:PORT", "compare the logs in this directory with their indexes, or with -c those of the file with another log host's, and exit")
}

// validate rejects flags that exclude each other or lack their counterpart.
func (o *options) validate() error {
	switch {
	case o.noFileFor != "":
		return fmt.Errorf("group %q has no file: put -o FILE behind its -g", o.noFileFor)
	case o.work.wanted() && !o.work.network(o.conf):
		return o.work.check(o.conf != "" || o.convert != "" || len(o.logs) > 0)
	case o.convert != "" && (o.conf != "" || len(o.logs) > 0):
		return errors.New("-convert stands alone")
	case o.convert != "":
		o.conf, o.format, o.check = o.convert, formatSpreadlogd, true
	case o.conf != "" && len(o.logs) > 0:
		return errors.New("-c and -g exclude each other")
	case o.conf != "" && o.daemon != logsub.DefaultDaemon:
		return errors.New("-c and -s exclude each other: the file names the daemon")
	case o.conf == "" && len(o.logs) == 0:
		return errors.New("nothing to do: add -g GROUP -o FILE, or -c FILE")
	}
	return nil
}
