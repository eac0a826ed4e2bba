package main

import (
	"math"

	"github.com/spreadd/spreadd/internal/flags"
)

type options struct {
	dir     string
	rounds  int
	verbose bool
	set     *flags.Set
}

func parse(args []string) (options, error) {
	o := options{rounds: defaultRounds}
	s := flags.New(flags.Program{
		Name:  "spreaddemo",
		Usage: []string{"[-dir DIR] [-rounds N] [-v]"},
		About: `Sends the access logs of three web sites through a ring of three daemons to two log hosts, all in one process and on
			free loopback ports. It kills one daemon on the way, restarts it, and compares the lines sent with the lines received.`,
		Examples: []flags.Example{
			{Args: "", Text: "run the demo"},
			{Args: "-dir /tmp/demo -rounds 200", Text: "send a few million lines and keep the files in /tmp/demo"},
			{Args: "-v", Text: "show the logs of daemons, publishers and log hosts"},
		},
	})
	o.set = s
	s.Group("Demo")
	s.String(&o.dir, "dir", "DIR", "write the log hosts' files to this directory (default: a new temporary one)")
	s.Int(&o.rounds, "rounds", "N", "send each log this many times", 1, math.MaxInt32)
	s.Bool(&o.verbose, "v", "show the logs of all parts")
	return o, s.Parse(args)
}
