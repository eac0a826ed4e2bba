package cli

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/logging"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/tlsconf"
	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/logpub"
	"github.com/spreadd/spreadd/spread"
)

// options are the settings of the command line.
type options struct {
	cfg       logpub.Config
	config    string
	check     bool
	metrics   string
	verbose   bool
	logFormat logging.Format
	set       *flags.Set
}

// parse reads the command line.
func parse(args []string) (options, error) {
	o := options{cfg: logpub.Config{
		Address: logpub.DefaultAddress, MessType: logpub.DefaultMessType, QueueBytes: logpub.DefaultQueueBytes,
		SpoolBytes: logpub.DefaultSpoolBytes, SpoolAfter: logpub.DefaultSpoolAfter, BlockTime: logpub.DefaultBlockTime,
		DrainTimeout: logpub.DefaultDrainTimeout, StatsInterval: logpub.DefaultStatsInterval,
	}}
	o.describe()
	if err := o.set.Parse(args); err != nil {
		return o, err
	}
	if o.cfg.BatchBytes == 0 && slices.Contains(o.set.Given(), "batch") {
		o.cfg.BatchBytes = -1
	}
	return o, o.validate()
}

// describe describes the flags. docs/flags.md lists them.
func (o *options) describe() {
	c := &o.cfg
	s := flags.New(flags.Program{
		Name:  "logpub",
		Usage: []string{"[-s ADDRESS] -g GROUP [-g GROUP ...]", "-c FILE"},
		About: "Sends log lines to groups. Without -c it reads standard input, as a piped log of Apache does.",
		Examples: []flags.Example{
			{Args: "-g coolsite", Text: `send standard input to group coolsite; in Apache: CustomLog "|/usr/bin/logpub -g coolsite" combined`},
			{Args: "-s 4803@hub1 -s 4803@hub2 -g weblogs -spool /var/spool/logpub", Text: "use hub2 when hub1 is down, and keep lines on disk when both are"},
			{Args: "-c /etc/logpub.toml -check", Text: "check a configuration with several inputs"},
		},
	})
	o.set = s
	s.Group("Configuration")
	s.String(&o.config, "c config", "FILE", "TOML file with all settings, read again on SIGHUP; only -check, -log-format and -v may be added")
	s.Bool(&o.check, "check", "check the configuration and exit")
	s.Group("Daemon and groups")
	named := false
	s.Func("s", "ADDRESS...", "daemon to connect to: PORT for this host or PORT@HOST; further ones are used in order when it is down", func(a string) error {
		if named {
			c.Fallbacks = append(c.Fallbacks, a)
		} else {
			c.Address, named = a, true
		}
		return nil
	}).Default = logpub.DefaultAddress
	c.TLS.Flags(s)
	tlsconf.UsersFlag(s, &c.DaemonUsers)
	s.Func("g", "GROUP...", "group to send each line to", func(g string) error {
		c.Groups = append(c.Groups, g)
		return spread.CheckGroup(g)
	})
	s.String(&c.Name, "u", "NAME", "private name of the connection (default: lp and the process id)")
	flags.Var(s, &c.Service, "service", "unreliable|reliable|fifo|causal|agreed|safe", "service of the messages (default: agreed, or reliable with -plain)", spread.ParseService)
	flags.Var(s, &c.MessType, "type", "N", "message type that subscribers see", parseMessType)
	s.Group("Virtual hosts")
	s.Func("vhost-field", "N", "send each line to the group named by its Nth field, counted from 1; lines without a usable name go to -g", func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return errors.New("want a number from 1")
		}
		c.Route = &logpub.Route{Field: n, VHost: true}
		return nil
	})
	s.String(&c.VHost, "vhost", "NAME", "put this virtual host in front of each line")
	flags.Var(s, &c.VHostWord, "vhost-word", "none|keep|clean|strip", "what to do with a virtual host at the start of a line; clean writes it in lower case without port (default: keep)", logline.ParseVHostWord)
	s.Group("Messages")
	s.Bool(&c.Plain, "plain", "send as mod_log_spread did, one line per message and no envelope, for subscribers other than ours")
	s.String(&c.Publisher, "publisher", "NAME", "publisher name in envelopes (default: the host name)")
	flags.Size(s, &c.BatchBytes, "batch", "most bytes of lines in one message; 0 for one line per message, the default with -plain (default: 16KiB)")
	flags.Size(s, &c.MaxLine, "max-line", "truncate longer lines (default: what fits into a message)")
	flags.Var(s, &c.Delivery, "delivery", "sent|ordered|written", "keep a line until the daemon of this host has it, every daemon of the ring, or log hosts have written it (default: written with a spool, otherwise ordered; sent with -plain)", logpub.ParseDelivery)
	s.Int(&c.Acks, "acks", "N", "number of log hosts that must have written a line, with -delivery written (default: 1)", 1, logpub.MaxAcks)
	describeFormer(s, c)
	s.Group("Queue and spool")
	flags.Size(s, &c.QueueBytes, "queue", "memory for lines that wait for the daemon")
	s.String(&c.Spool, "spool", "DIR", "directory for lines that wait; they survive a kill; none keeps them in memory (default: spool in $STATE_DIRECTORY, or /var/spool/logpub if it can be written)")
	flags.Size(s, &c.SpoolBytes, "spool-bytes", "size limit of the spool")
	s.Duration(&c.SpoolAfter, "spool-after", "write lines to the spool after they have waited this long, those of a pipe at once if delivery is written; a crash loses younger ones; negative: at once")
	flags.Var(s, &c.Policy, "full", "drop-newest|drop-oldest|block", "what to do when queue and spool are full (default: drop-newest)", logpub.ParsePolicy)
	s.Duration(&c.BlockTime, "block", "how long to stop reading when the queue is full, before lines are dropped; negative: never")
	s.Duration(&c.DrainTimeout, "drain", "time limit for sending the queue at the end; negative: drop it")
	s.Group("Observation")
	prom.AddressFlag(s, &o.metrics, "metrics", "metrics, health checks and the state", 9804)
	s.Duration(&c.StatsInterval, "stats", "log the counters at this interval; negative: never")
	logging.Flag(s, &o.logFormat)
	s.Bool(&o.verbose, "v", "log details")
}

// describeFormer describes the flags of earlier versions that say what is the default now.
func describeFormer(s *flags.Set, c *logpub.Config) {
	s.Former("envelope", func(on bool) error {
		c.Plain = !on
		return nil
	})
	s.Former("confirm", func(on bool) error {
		if c.Delivery = logpub.Sent; on {
			c.Delivery = logpub.Ordered
		}
		return nil
	})
}

// validate rejects flags that exclude each other.
func (o *options) validate() error {
	switch {
	case o.config != "":
		with := slices.DeleteFunc(o.set.Given(), func(name string) bool {
			return slices.Contains([]string{"c", "config", "check", "log-format", "v"}, name)
		})
		if len(with) > 0 {
			return fmt.Errorf("-c and -%s exclude each other: put the setting into the file", strings.Join(with, ", -"))
		}
	case len(o.cfg.Groups) == 0:
		return errors.New("no group: add -g GROUP, or -c FILE")
	}
	return nil
}

// parseMessType reads the type of a message.
func parseMessType(text string) (int16, error) {
	n, err := strconv.ParseInt(text, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("want a number from %d to %d", math.MinInt16, math.MaxInt16)
	}
	return int16(n), nil
}
