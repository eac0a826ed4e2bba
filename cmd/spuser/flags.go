package main

import (
	"errors"
	"slices"

	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/spread"
)

// options are the settings of the command line.
type options struct {
	name     string // private name; empty: the daemon makes one up
	address  string // of the daemon
	lasting  bool
	json     bool
	raw      bool   // do not take log lines out of their envelopes
	user     string // for the method PWORD; empty means NULL
	password string
	set      *flags.Set
}

// maxName is the length of the longest private name. The original cuts longer ones.
const maxName = 10

// parse reads the command line, which is that of the C program: only the first two characters of a
// flag count.
func parse(args []string) (options, error) {
	o := options{name: "user", address: "4803"}
	s := flags.New(flags.Program{
		Name:  "spuser",
		Usage: []string{"[-s ADDRESS] [-u NAME | -r] [-n USER -p PASSWORD] [-k] [-raw] [-json]"},
		About: "Joins groups and shows their messages and memberships live. Only the first two characters of a flag count, as in the original.",
		Examples: []flags.Example{
			{Args: "", Text: "connect to the daemon on this host; type j logs to watch the group logs, and q to quit"},
			{Args: "-s 4803@web1 -u watch", Text: "connect to another daemon with a name of your choice"},
			{Args: "-json <commands", Text: "execute the commands of a file and print one JSON object per event"},
		},
	})
	o.set = s
	s.Group("Connection")
	s.String(&o.address, "s", "ADDRESS", "daemon to connect to: PORT for this host or PORT@HOST")
	s.Func("u", "NAME", "private name to ask for, at most 10 characters", func(text string) error {
		o.name = text[:min(len(text), maxName)]
		return nil
	}).Default = o.name
	s.BoolFunc("r", "let the daemon choose the private name", func() error {
		o.name = ""
		return nil
	})
	s.String(&o.user, "n", "USER", "user for daemons that require the PWORD method; needs -p")
	s.String(&o.password, "p", "PASSWORD", "password; needs -n")
	s.Bool(&o.lasting, "k", "keep going when the connection is lost: connect again and rejoin all groups")
	s.Group("Output")
	s.Bool(&o.raw, "raw", "show messages of logpub as they are, not as lines with publisher and number in front")
	s.Bool(&o.json, "json", "print each event as one JSON object on a line, for scripts")
	err := s.Parse(wholeFlags(args))
	if err == nil && (o.user != "") != slices.Contains(s.Given(), "p") {
		err = errors.New("-n and -p need each other")
	}
	return o, err
}

// wholeFlags completes flags of which only the first two characters count.
func wholeFlags(args []string) []string {
	args = slices.Clone(args)
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; arg[:min(2, len(arg))] {
		case "-u", "-s", "-n", "-p":
			args[i] = arg[:2]
			i++ // its value
		case "-r":
			if arg != "-raw" {
				args[i] = "-r"
			}
		case "-h", "-V", "-k":
			args[i] = arg[:2]
		case "-j":
			args[i] = "-json"
		}
	}
	return args
}

// dialOptions returns the options of spread.Dial for these flags.
func (o *options) dialOptions() []spread.Option {
	opts := []spread.Option{spread.WithName(o.name), spread.WithMembership(true), spread.WithNotices(true)}
	if o.user != "" {
		opts = append(opts, spread.WithAuth(spread.PasswordAuth(o.user, o.password)))
	}
	return opts
}
