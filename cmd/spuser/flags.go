package main

import (
	"slices"

	"github.com/spreadd/spreadd/cmd/spuser/client"
	"github.com/spreadd/spreadd/internal/flags"
)

// options are the settings of the command line.
type options struct {
	client.Options
	lasting bool
	json    bool
	raw     bool // do not take log lines out of their envelopes
	set     *flags.Set
}

// parse reads the command line, which is that of the C program: only the first two characters of a
// flag count.
func parse(args []string) (options, error) {
	o := options{Options: client.Options{Name: "user", Address: client.DefaultAddress}}
	s := flags.New(flags.Program{
		Name:  "spuser",
		Usage: []string{"COMMAND [FLAG...] [ARGUMENT...]", "[-s ADDRESS] [-u NAME | -r] [-n USER -p PASSWORD] [-k] [-raw] [-json]"},
		About: "Joins groups and shows their messages and memberships live. Without a command it opens the prompt of the original; " +
			"only the first two characters of its flags count, as there.",
		Examples: []flags.Example{
			{Args: "tail logs", Text: "watch a group; for all that a command can do: spuser tail -h"},
			{Args: "", Text: "open the prompt at the daemon on this host; type j logs to watch the group logs, and q to quit"},
			{Args: "-s 4803@web1 -u watch", Text: "open it at another daemon, with a name of your choice"},
			{Args: "-json <commands", Text: "execute the commands of a file and print one JSON object per event"},
		},
	})
	o.set = s
	for _, c := range commands() {
		s.Commands = append(s.Commands, c.Flags)
	}
	s.Group("Connection")
	s.String(&o.Address, "s", "ADDRESS", "daemon to connect to: PORT for this host or PORT@HOST")
	s.Func("u", "NAME", "private name to ask for, at most 10 characters", func(text string) error {
		o.Name = text[:min(len(text), client.MaxName)]
		return nil
	}).Default = o.Name
	s.BoolFunc("r", "let the daemon choose the private name", func() error {
		o.Name = ""
		return nil
	})
	o.Login(s)
	s.Bool(&o.lasting, "k", "keep going when the connection is lost: connect again and rejoin all groups")
	s.Group("Output")
	s.Bool(&o.raw, "raw", "show messages of logpub as they are, not as lines with publisher and number in front")
	s.Bool(&o.json, "json", "print each event as one JSON object on a line, for scripts")
	err := s.Parse(wholeFlags(args))
	if err == nil {
		err = o.Check()
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
