package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/spreadd/spreadd/daemon/monitor"
	"github.com/spreadd/spreadd/internal/flags"
)

type options struct {
	port     uint16        // for reports
	name     string        // whose identity to take; empty: the first daemon with an address of this host
	interval time.Duration // between two queries of status
	conf     string        // the configuration file; empty: as the daemon finds it
	keys     string        // file of the ring's keys
	json     bool
	rounds   int // with json
	set      *flags.Set
}

// maxInterval bounds the interval, in seconds: a day.
const maxInterval = 24 * 60 * 60

// parse reads the command line. -p, -n, -t and -c are flags of the C program.
func parse(args []string) (options, error) {
	o := options{port: monitor.DefaultPort}
	seconds := 10
	s := flags.New(flags.Program{
		Name:  "spmonitor",
		Usage: []string{"status|keys|sessions|groups [FLAG...]", "[-c FILE] [-n NAME] [-p PORT] [-t SECONDS]", "[-c FILE] [-n NAME] [-p PORT] [-t SECONDS] -json [-rounds N]"},
		About: `Shows the status of the daemons of a spread.conf. For tests it also partitions them, terminates them and changes their
			windows, which daemons allow only with DangerousMonitor = true.`,
		Examples: []flags.Example{
			{Args: "status", Text: "show all daemons in a table, with the reasons of missing ones; spmonitor status -h for more"},
			{Args: "", Text: "open the menu; 0, all and an empty line show all daemons every 10 seconds"},
			{Args: "-json -t 60", Text: "print one JSON object per daemon every minute"},
			{Args: "-json -rounds 1 -t 2", Text: "check once that every daemon answers within 2 seconds"},
		},
	})
	o.set = s
	for _, c := range commands(new(request)) {
		s.Commands = append(s.Commands, c.flags)
	}
	s.Group("Configuration")
	identityFlags(s, &o.conf, &o.name)
	flags.Var(s, &o.port, "p", "PORT", "receive reports on this port; 0 for any free port", parsePort)
	keysFlag(s, &o.keys)
	s.Group("Output")
	s.Int(&seconds, "t", "SECONDS", "query the status at this interval", 1, maxInterval)
	s.Bool(&o.json, "json", "query all daemons and print each report as a JSON object on a line, for scripts")
	s.Int(&o.rounds, "rounds", "N", "with -json: exit after N queries, with status 1 if a daemon did not answer", 0, math.MaxInt32)
	err := s.Parse(args)
	if err == nil && o.rounds > 0 && !o.json {
		err = errors.New("-rounds needs -json")
	}
	o.interval = time.Duration(seconds) * time.Second
	return o, err
}

// identityFlags describes the flags for the configuration and the identity.
func identityFlags(s *flags.Set, conf, name *string) {
	s.String(conf, "c", "FILE", "configuration file (default: the first of spread.conf, /etc/spread.conf and /etc/spread/spread.conf)")
	s.String(name, "n", "NAME", "act with the identity of this daemon (default: the first with an address of this host)")
}

func parsePort(text string) (uint16, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("want a port from 0 to %d", math.MaxUint16)
	}
	return uint16(n), nil
}
