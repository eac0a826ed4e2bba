package spuser

import (
	"errors"
	"fmt"

	"github.com/spreadd/spreadd/spread"
)

// Flags are the settings of the command line.
type Flags struct {
	Name    string // private name; empty: the daemon makes one up
	Address string // of the daemon
	JSON    bool
	Help    bool // print Usage, and do nothing else
	// User and Password are for the method PWORD; an empty User means NULL.
	User, Password string
}

// Usage is what the program says of its flags.
const Usage = `Usage: spuser [-u NAME] [-s ADDRESS] [-r] [-n USER -p PASSWORD] [-json]
	-u NAME      private name to ask for, at most 10 characters (user)
	-s ADDRESS   the daemon: PORT for this host, PORT@HOST for another (4803)
	-r           let the daemon choose the private name
	-n, -p       user and password, for daemons that want the PWORD method
	-json        print each event as one JSON object on a line, for scripts
`

// ErrUsage means that the arguments are not those of [Usage].
var ErrUsage = errors.New("wrong arguments")

// maxName is the longest private name; the original cuts longer ones.
const maxName = 10

// ParseFlags reads the arguments behind the program's name. As in the
// original, only the first two characters of a flag count. The error is an
// ErrUsage.
func ParseFlags(args []string) (Flags, error) {
	f := Flags{Name: "user", Address: "4803"}
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
			return f, fmt.Errorf("%w: no flag %q", ErrUsage, arg)
		}
		if len(args) == 0 {
			return f, fmt.Errorf("%w: nothing behind %s", ErrUsage, flag)
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
		return f, fmt.Errorf("%w: -n and -p go together", ErrUsage)
	}
	return f, nil
}

// Options returns how to dial with these flags.
func (f Flags) Options() []spread.Option {
	opts := []spread.Option{spread.WithName(f.Name), spread.WithMembership(true)}
	if f.User != "" {
		opts = append(opts, spread.WithAuth(spread.PasswordAuth(f.User, f.Password)))
	}
	return opts
}
