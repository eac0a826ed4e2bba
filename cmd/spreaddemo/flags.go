package main

import (
	"math"

	"github.com/spreadd/spreadd/internal/flags"
)

type options struct {
	dir     string
	keep    bool
	plain   bool
	rounds  int
	verbose bool
	set     *flags.Set
}

func parse(args []string) (options, error) {
	o := options{rounds: defaultRounds}
	s := flags.New(flags.Program{
		Name:  "spreaddemo",
		Usage: []string{"[-plain] [-dir DIR | -keep] [-rounds N] [-v]"},
		About: `Sends the access logs of three web sites through a ring of five daemons to two log hosts, on free loopback ports. While
			lines flow, it kills a web host's daemon, a log host's daemon and a logsub, and restarts each. Then it compares the lines
			sent with the lines received.`,
		Examples: []flags.Example{
			{Args: "", Text: "run the demo"},
			{Args: "-plain", Text: "send lines as mod_log_spread did, and see what is lost"},
			{Args: "-dir /tmp/demo -rounds 200", Text: "send a few million lines and keep the files in /tmp/demo"},
			{Args: "-v", Text: "show the logs of daemons, publishers and log hosts"},
		},
	})
	o.set = s
	s.Group("Demo")
	s.Bool(&o.plain, "plain", "send lines as mod_log_spread did: those that are under way to something that dies are lost")
	s.String(&o.dir, "dir", "DIR", "write all files to this directory (default: a temporary one, removed at the end)")
	s.Bool(&o.keep, "keep", "leave the temporary directory there")
	s.Int(&o.rounds, "rounds", "N", "send each log this many times", 1, math.MaxInt32)
	s.Bool(&o.verbose, "v", "show the logs of all parts")
	return o, s.Parse(args)
}
