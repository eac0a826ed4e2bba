package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/spreadd/spreadd/daemon/monitor"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/internal/spreadconf"
)

// request is the command line of a command.
type request struct {
	conf      string   // spread.conf
	name      string   // whose identity to take
	port      uint16   // for answers
	addresses []string // of daemons that serve their state
	patience  time.Duration
	interval  time.Duration
	watch     bool
	json      bool
	keys      string // file of the ring's keys
	use       seal.KeyID
	group     string
	session   string
	limit     int
}

// command is one of the commands besides the menu.
type command struct {
	flags *flags.Set
	// run returns the exit status.
	run func(ctx context.Context, r *request, stdout io.Writer) (status int, err error)
}

// commands returns the commands. Their flags fill r.
func commands(r *request) []command {
	*r = request{patience: 2 * time.Second, interval: 2 * time.Second, limit: 1000}
	return []command{
		{statusFlags(r), showStatus},
		{keysFlags(r), showKeys},
		{pageFlags(r, "sessions", "Lists the clients of a daemon by name."), showSessions},
		{pageFlags(r, "groups", "Lists the groups of the ring by name, as a daemon knows them."), showGroups},
	}
}

func statusFlags(r *request) *flags.Set {
	s := flags.New(flags.Program{
		Name:  "spmonitor status",
		Usage: []string{"[-c FILE] [-n NAME] [-watch] [-json]", "-s ADDRESS [-s ADDRESS...] [-watch] [-json]"},
		About: `Shows all daemons of a spread.conf in a table, the missing ones in their places with the reason. The exit
			status is 0 if all is well, 1 if something is wrong, 2 if no daemon answers.`,
		Examples: []flags.Example{
			{Args: "", Text: "ask all daemons of spread.conf; this host must be one of them"},
			{Args: "-s web1:9803 -s log1:9803", Text: "ask daemons that were started with -http, from any host"},
			{Args: "-watch", Text: "ask every two seconds until interrupted"},
		},
	})
	ringFlags(s, r)
	addressFlag(s, r)
	s.Duration(&r.patience, "timeout", "how long to wait for answers")
	s.Group("Output")
	s.Bool(&r.watch, "watch", "ask again and again, until interrupted")
	s.Duration(&r.interval, "interval", "with -watch: time between two queries")
	s.Bool(&r.json, "json", "print JSON, as /status/cluster of a daemon does")
	return s
}

// ringFlags describes how the daemons of a spread.conf are asked.
func ringFlags(s *flags.Set, r *request) {
	s.Group("Daemons")
	identityFlags(s, &r.conf, &r.name)
	flags.Var(s, &r.port, "p", "PORT", "receive answers on this UDP port (default: any free port)", parsePort)
	keysFlag(s, &r.keys)
}

func pageFlags(r *request, name, about string) *flags.Set {
	s := flags.New(flags.Program{
		Name:  "spmonitor " + name,
		Usage: []string{"[-s ADDRESS] [-group NAME] [-session NAME] [-json]"},
		About: about + " The daemon must have been started with -http.",
		Examples: []flags.Example{
			{Args: "", Text: "of the daemon on this host that serves its state on port " + defaultHTTP},
			{Args: "-s log1:9803 -group 'site*' -json", Text: "of another daemon, chosen by name, as JSON"},
		},
	})
	s.Group("Daemon")
	addressFlag(s, r)
	s.Duration(&r.patience, "timeout", "how long to wait for an answer")
	s.Group("Output")
	s.String(&r.group, "group", "NAME", "only this group or its members; with * at the end, groups that begin so")
	s.String(&r.session, "session", "NAME", "only this private group or its groups; with * at the end, sessions that begin so")
	s.Int(&r.limit, "limit", "N", "most rows", 1, math.MaxInt32)
	s.Bool(&r.json, "json", "print one JSON object per row")
	return s
}

// defaultHTTP is the port that the documentation uses for the state of a daemon.
const defaultHTTP = "9803"

func addressFlag(s *flags.Set, r *request) {
	s.Func("s", "ADDRESS...", "address that a daemon serves its state on (-http): HOST:PORT, or a port of this host", func(text string) error {
		address, err := httpAddress(text)
		r.addresses = append(r.addresses, address)
		return err
	})
}

// runCommand runs the command that is named by the first argument, if there is one.
func runCommand(ctx context.Context, args []string, stdout, stderr io.Writer) (status int, found bool) {
	if len(args) == 0 {
		return 0, false
	}
	var r request
	for _, c := range commands(&r) {
		if c.flags.Name != "spmonitor "+args[0] {
			continue
		}
		if err := c.flags.Parse(args[1:]); err != nil {
			return c.flags.Answer(err, stdout, stderr), true
		}
		status, err := c.run(ctx, &r, stdout)
		if err != nil {
			fmt.Fprintf(stderr, "spmonitor: %v\n", err)
		}
		return status, true
	}
	return 0, false
}

// monitorOf returns how to ask the daemons of the configuration.
func (r *request) monitorOf(ctx context.Context) (monitor.Config, error) {
	env := spreadconf.SystemEnvironment()
	conf, err := spreadconf.Load(ctx, r.conf, env)
	if errors.Is(err, spreadconf.ErrNoFile) && r.conf == "" {
		conf, err = spreadconf.Default(), nil
	}
	if err != nil {
		return monitor.Config{}, err
	}
	self, err := conf.Self(env, r.name)
	if err != nil {
		return monitor.Config{}, fmt.Errorf("%w; on a host that runs no daemon of the file, ask daemons that serve their state with -s HOST:PORT", err)
	}
	cfg := monitor.FromConf(conf, self, r.port)
	cfg.Keys, err = ringKeys(ctx, r.keys)
	return cfg, err
}
