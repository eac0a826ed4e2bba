package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/logging"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/tlsconf"
	"github.com/spreadd/spreadd/logs/internal/traffic"
	"github.com/spreadd/spreadd/logs/logmon"
	"github.com/spreadd/spreadd/spread"
)

// mode says what goes to standard output.
type mode uint8

const (
	modeAuto   mode = iota
	modeScreen      // a screen on a terminal
	modeText        // lines, or with -once a report
	modeJSON        // objects
	modeQuiet       // nothing
)

// options are the settings of the command line.
type options struct {
	cfg       logmon.Config
	mode      mode
	once      bool
	interval  time.Duration
	rows      int
	host      string
	web       string
	webNames  []string
	metrics   string
	verbose   bool
	logFormat logging.Format
	set       *flags.Set
}

const (
	usualInterval = 10 * time.Second
	minInterval   = time.Second
	usualRows     = 20
	maxRows       = 10_000
)

// parse reads the command line.
func parse(args []string) (options, error) {
	o := options{interval: usualInterval, rows: usualRows, cfg: logmon.Config{
		QueueBytes: logmon.DefaultQueueBytes,
		Traffic: traffic.Config{
			SessionTimeout: traffic.DefaultSessionTimeout, MaxSessions: traffic.DefaultMaxSessions,
			MaxVHosts: traffic.DefaultMaxVHosts, MaxPages: traffic.DefaultMaxPages,
		},
	}}
	o.describe()
	if err := o.set.Parse(args); err != nil {
		return o, err
	}
	return o, o.validate()
}

// describe describes the flags. docs/flags.md lists them.
func (o *options) describe() {
	c, t := &o.cfg, &o.cfg.Traffic
	s := flags.New(flags.Program{
		Name:  "logmon",
		Usage: []string{"[-s ADDRESS] -g GROUP [-g GROUP ...]", "-g GROUP [-web ADDRESS] [-metrics ADDRESS] [-quiet]", "-g GROUP -once [-json]"},
		About: `Shows the live traffic of a web farm from the groups that its access logs are sent to: requests and bytes per second,
			status codes, servers, virtual hosts, pages, and who is online. On a terminal it is a screen; press ? for its keys.`,
		Examples: []flags.Example{
			{Args: "-g weblogs", Text: "watch group weblogs on a screen"},
			{Args: "-g weblogs -web 127.0.0.1:9807 -metrics 127.0.0.1:9806", Text: "serve the same as a page for browsers, and to Prometheus"},
			{Args: "-g weblogs -once -json | jq .total", Text: "measure for 10 seconds and print JSON"},
		},
	})
	o.set = s
	s.Group("Daemon and groups")
	s.Func("s spread", "ADDRESS...", "daemon to connect to: PORT for this host or PORT@HOST; further ones are used in order when it is down", func(a string) error {
		c.Addresses = append(c.Addresses, a)
		_, err := spread.ParseAddress(a)
		return err
	}).Default = "4803"
	c.TLS.Flags(s)
	tlsconf.UsersFlag(s, &c.DaemonUsers)
	s.Func("g", "GROUP...", "group to watch", func(g string) error {
		c.Groups = append(c.Groups, g)
		return spread.CheckGroup(g)
	})
	s.Group("Output")
	s.BoolFunc("screen", "show the screen even if standard output is not a terminal", o.choose(modeScreen))
	s.BoolFunc("plain", "print a line at each interval", o.choose(modeText))
	s.BoolFunc("json", "print a JSON object at each interval; with -once only one", o.choose(modeJSON))
	s.BoolFunc("quiet", "print nothing; for -web and -metrics", o.choose(modeQuiet))
	s.Bool(&o.once, "once", "measure for one interval, print the result and exit")
	s.Duration(&o.interval, "interval", "interval between two outputs")
	s.Int(&o.rows, "rows", "N", "most rows of each list in JSON", 0, maxRows)
	s.String(&o.host, "host", "NAME", "print the numbers of this virtual host only")
	s.Group("Browsers and metrics")
	s.Func("web", "ADDRESS", "serve a page for browsers on this address, such as 127.0.0.1:9807; it shows client addresses (default: off)", func(text string) error {
		o.web = prom.Address(text)
		return prom.CheckAddress(text)
	})
	s.Func("web-name", "NAME...", "host name under which browsers may request the page, besides addresses and localhost; * allows any", func(text string) error {
		o.webNames = append(o.webNames, text)
		return nil
	})
	prom.AddressFlag(s, &o.metrics, "metrics", "metrics and health checks", 9806)
	s.Group("Counting")
	flags.Var(s, &t.VHost, "vhost", "auto|first|none", "where a line has its virtual host: the first word, none (the group stands for it), or auto to decide for each line (default: auto)", traffic.ParseVHostMode)
	s.Duration(&t.SessionTimeout, "session", "count a client as online for this time after its last request")
	s.Int(&t.MaxSessions, "max-sessions", "N", "most clients to remember as online", 1, traffic.LimitSessions)
	s.Int(&t.MaxVHosts, "max-vhosts", "N", "most virtual hosts to count separately", 1, traffic.LimitVHosts)
	s.Int(&t.MaxPages, "max-pages", "N", "most pages in each list; a page's count is too low by at most one request in N", 1, traffic.LimitPages)
	flags.Size(s, &c.QueueBytes, "queue", "memory for messages that wait to be counted")
	logging.Flag(s, &o.logFormat)
	s.Bool(&o.verbose, "v", "log details")
}

// choose returns what a flag for one of the modes does.
func (o *options) choose(m mode) func() error {
	return func() error {
		if o.mode != modeAuto && o.mode != m {
			return errors.New("-screen, -plain, -json and -quiet exclude each other")
		}
		o.mode = m
		return nil
	}
}

// validate rejects flags that exclude each other or lack their counterpart.
func (o *options) validate() error {
	switch {
	case len(o.cfg.Groups) == 0:
		return errors.New("no group: add -g GROUP")
	case o.interval < minInterval:
		return fmt.Errorf("-interval is %v: want %v at least", o.interval, minInterval)
	case o.once && (o.mode == modeScreen || o.mode == modeQuiet):
		return errors.New("-once prints a result: remove -screen or -quiet")
	case len(o.webNames) > 0 && o.web == "":
		return errors.New("-web-name needs -web")
	}
	return nil
}
