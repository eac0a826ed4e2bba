package main

import (
	"errors"
	"fmt"

	"github.com/spreadd/spreadd/spread"
)

// flagValues are the settings of the command line.
type flagValues struct {
	Name    string // private name; empty: the daemon makes one up
	Address string // of the daemon
	JSON    bool
	Help    bool // print usage and exit
	// User and Password are for the method PWORD; an empty User means NULL.
	User, Password string
}

// usage describes the flags.
const usage = `Usage: spuser [-u NAME] [-s ADDRESS] [-r] [-n USER -p PASSWORD] [-json]
	-u NAME      private name to ask for, at most 10 characters (user)
	-s ADDRESS   the daemon: PORT for this host, PORT@HOST for another (4803)
	-r           let the daemon choose the private name
	-n, -p       user and password, for daemons that want the PWORD method
	-json        print each event as one JSON object on a line, for scripts
`

// errUsage means that the arguments are not those of [usage].
var errUsage = errors.New("wrong arguments")

// maxName is the length of the longest private name. The original cuts longer ones.
const maxName = 10

// parseFlags reads the arguments. As in the original, only the first two characters of a flag
// count. The error wraps errUsage.
func parseFlags(args []string) (flagValues, error) {
	f := flagValues{Name: "user", Address: "4803"}
	var password bool
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		flag := arg[:min(2, len(arg))]
		switch flag {
		case "-r":
			f.Name = ""
			continue
		case "-j":
			f.JSON = true
			continue
		case "-h":
			f.Help = true
			return f, nil
		case "-u", "-s", "-n", "-p":
		default:
			return f, fmt.Errorf("%w: no flag %q", errUsage, arg)
		}
		if len(args) == 0 {
			return f, fmt.Errorf("%w: nothing behind %s", errUsage, flag)
		}
		value := args[0]
		args = args[1:]
		switch flag {
		case "-u":
			f.Name = value[:min(len(value), maxName)]
		case "-s":
			f.Address = value
		case "-n":
			f.User = value
		case "-p":
			f.Password, password = value, true
		}
	}
	if password != (f.User != "") {
		return f, fmt.Errorf("%w: -n and -p go together", errUsage)
	}
	return f, nil
}

// Options returns the options of spread.Dial for these flags.
func (f flagValues) Options() []spread.Option {
	opts := []spread.Option{spread.WithName(f.Name), spread.WithMembership(true)}
	if f.User != "" {
		opts = append(opts, spread.WithAuth(spread.PasswordAuth(f.User, f.Password)))
	}
	return opts
}
