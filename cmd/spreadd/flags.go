package main

import (
	"errors"
	"math"
	"slices"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/daemon/settings"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/logging"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/seal"
)

// options are the settings of the command line.
type options struct {
	name        string
	conf        string
	file        string // with settings
	may         string
	check       bool
	mixed       bool
	genKey      bool
	cipher      seal.Cipher
	socketDir   string
	runDir      string
	maxSessions int
	maxAddress  int
	maxJoined   int
	maxGroups   int
	maxQueue    conf.Size
	maxMemory   conf.Size
	offload     bool
	early       bool
	refused     bool
	metrics     string
	http        string
	profiles    bool
	logFormat   logging.Format
	verbose     bool
	realtime    bool
	eventFile   bool // was asked for
	set         *flags.Set
	settings    *settings.Settings
}

// parse reads the command line. -n, -c and -l are flags of the C daemon.
func parse(args []string) (options, error) {
	o := options{
		socketDir: settings.Default().Socket.LegacyDir, runDir: settings.Default().Socket.Dir,
		maxSessions: session.DefaultMaxSessions, maxJoined: engine.DefaultMaxSessionGroups, maxGroups: engine.DefaultMaxGroups,
		maxQueue: session.DefaultMaxSessionBytes, offload: true, early: true, refused: true,
	}
	s := flags.New(flags.Program{
		Name:  "spreadd",
		Usage: []string{"[-n NAME] [-c FILE] [-check]"},
		About: `The Spread daemon. Without -c it reads spread.conf in the current directory, /etc or /etc/spread. If neither
			exists, it runs as daemon "localhost" on 127.0.0.1:4803.`,
		Examples: []flags.Example{
			{Args: "", Text: "run as the daemon whose address belongs to this host"},
			{Args: "-n web1 -c /etc/spread/spread.conf -metrics 127.0.0.1:9803", Text: "run as daemon web1 and serve metrics"},
			{Args: "-check -c /etc/spread/spread.conf", Text: "print the configuration as understood, or its errors"},
			{Args: "-genkey", Text: "make a key for the daemons of a ring"},
		},
		Version: banner(),
	})
	o.set, o.cipher = s, seal.FastCipher()
	s.Group("Configuration")
	s.String(&o.conf, "c", "FILE", "configuration file (default: the first of spread.conf, /etc/spread.conf and /etc/spread/spread.conf)")
	s.String(&o.file, "settings", "FILE", "settings of this daemon that spread.conf has no place for (default: "+settings.DefaultFile+" if it exists)")
	s.String(&o.name, "n", "NAME", "run as the daemon with this name (default: the first with an address of this host)")
	s.Bool(&o.check, "check", "print the configuration as understood, or its errors, and exit; with -v also the options that have their default")
	s.String(&o.may, "may", "QUESTION", `with -check, answer by the rules of the settings whether a client may do something, such as "web1 send coolsite"`)
	s.Bool(&o.mixed, "mixed", "with -check, also print what matters in a ring with C daemons")
	s.Bool(&o.genKey, "genkey", "print a new key for the file that ring_keys of the settings names, and exit")
	flags.Var(s, &o.cipher, "cipher", "NAME", "with -genkey: aes-256-gcm or chacha20-poly1305 (default: what this processor is faster with)", seal.ParseCipher)
	s.Func("l", "y|n", "event file of the C daemon; y only logs a warning, because the log shows clients and memberships", func(text string) error {
		o.eventFile = text == "y"
		if text != "y" && text != "n" {
			return errors.New("want y or n")
		}
		return nil
	})
	s.Group("Clients")
	s.String(&o.socketDir, "socket-dir", "DIR", "directory of the UNIX socket that local clients connect to; empty for no socket")
	s.String(&o.runDir, "run-dir", "DIR", "directory of a second socket, PORT.sock, for services with a /tmp of their own; made if missing; empty for none, also with another -socket-dir")
	s.Int(&o.maxSessions, "max-sessions", "N", "most clients at a time; a tenth, at most 64, is kept for clients of this host", 1, math.MaxInt32)
	s.Int(&o.maxAddress, "max-address-sessions", "N", "most clients from one other host, of IPv6 from one /64; 0 for half of -max-sessions", 0, math.MaxInt32)
	s.Int(&o.maxJoined, "max-session-groups", "N", "most groups that one client may be in; further joins are rejected", 1, math.MaxInt32)
	s.Int(&o.maxGroups, "max-groups", "N", "groups of all daemons beyond which joins that would create another are rejected", 1, math.MaxInt32)
	flags.Size(s, &o.maxQueue, "max-queue", "bytes that may wait for a client that does not read; beyond that it is disconnected")
	flags.Size(s, &o.maxMemory, "max-memory", "memory for all messages; beyond that the client with most waiting is disconnected (default: 512MiB, at most a quarter of what the process may use)")
	s.Group("Network")
	s.Bool(&o.offload, "offload", "use UDP segmentation offload (GSO) for runs of equal-sized packets; the packets on the wire are the same")
	s.Bool(&o.early, "early", "form rings as soon as all daemons have answered or are known to be absent, and announce an orderly stop")
	s.Bool(&o.refused, "refused", "take ICMP port unreachable messages as a sign that a daemon has ended")
	s.Bool(&o.realtime, "realtime", "run with a real-time priority, so that busy programs do not delay the ring (Linux; needs LimitRTPRIO=1 or CAP_SYS_NICE)")
	s.Group("Observation")
	prom.AddressFlag(s, &o.http, "http", "the state, health checks and metrics", 9803)
	prom.AddressFlag(s, &o.metrics, "metrics", "metrics and health checks", 9803)
	s.Bool(&o.profiles, "pprof", "with -http: serve profiles of the Go runtime at /debug/pprof/")
	logging.Flag(s, &o.logFormat)
	s.Bool(&o.verbose, "v", "log details, as EventPriority = pDEBUG does")
	err := s.Parse(args)
	return o, err
}

// use takes over settings, except those whose flag was given.
func (o *options) use(s *settings.Settings) {
	o.settings = s
	given := o.set.Given()
	socketDir, runDir := slices.Contains(given, "socket-dir"), slices.Contains(given, "run-dir")
	if !runDir {
		o.runDir = s.Socket.Dir
		if socketDir {
			o.runDir = ""
		}
	}
	if !socketDir {
		o.socketDir = s.Socket.LegacyDir
	}
	if !slices.Contains(given, "http") {
		o.http = s.HTTP
	}
	if !slices.Contains(given, "log-format") {
		o.logFormat = s.LogFormat
	}
	o.profiles = o.profiles || s.Profiles
	if !slices.Contains(given, "realtime") {
		o.realtime = s.Realtime
	}
}
