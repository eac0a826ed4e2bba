package spmonitor

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/spreadd/spreadd/cmd/spmonitor/monitor"
)

// Flags are the settings of the command line.
type Flags struct {
	Port     uint16        // for reports
	Name     string        // whose identity to take; empty: the first daemon with an address of this host
	Interval time.Duration // between two queries of status
	File     string        // the configuration; empty: as the daemon finds it
	JSON     bool
	Rounds   int  // with JSON
	Help     bool // print Usage, and do nothing else
}

// Usage is what the program says of its flags.
const Usage = `Usage: spmonitor [-p PORT] [-n NAME] [-t SECONDS] [-c FILE] [-json [-rounds N]]
	-p PORT      receive reports on this port (6543); 0 is any that is free
	-n NAME      take the place of this daemon (the first with an address of this host)
	-t SECONDS   ask for status this often (10)
	-c FILE      configuration (spread.conf here or in /etc)
	-json        ask all daemons, print each report as one JSON object on a line, for scripts
	-rounds N    with -json: end after asking N times; status 1 if a daemon has not answered
`

// ErrUsage means that the arguments are not those of [Usage].
var ErrUsage = errors.New("wrong arguments")

// maxInterval bounds the interval, in seconds: a day.
const maxInterval = 24 * 60 * 60

// ParseFlags reads the arguments behind the program's name. The error is an
// ErrUsage.
func ParseFlags(args []string) (Flags, error) {
	var f Flags
	var port, seconds uint
	fs := flag.NewFlagSet("spmonitor", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.UintVar(&port, "p", monitor.DefaultPort, "")
	fs.StringVar(&f.Name, "n", "", "")
	fs.UintVar(&seconds, "t", 10, "")
	fs.StringVar(&f.File, "c", "", "")
	fs.BoolVar(&f.JSON, "json", false, "")
	fs.IntVar(&f.Rounds, "rounds", 0, "")
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return Flags{Help: true}, nil
	case err != nil:
		return f, fmt.Errorf("%w: %w", ErrUsage, err)
	case fs.NArg() > 0:
		return f, fmt.Errorf("%w: nothing belongs at the place of %q", ErrUsage, fs.Arg(0))
	case port > math.MaxUint16:
		return f, fmt.Errorf("%w: -p %d is no port", ErrUsage, port)
	case seconds < 1 || seconds > maxInterval:
		return f, fmt.Errorf("%w: -t %d: want 1 to %d seconds", ErrUsage, seconds, maxInterval)
	case f.Rounds < 0:
		return f, fmt.Errorf("%w: -rounds %d: want 1 or more, or 0 for no end", ErrUsage, f.Rounds)
	case f.Rounds > 0 && !f.JSON:
		return f, fmt.Errorf("%w: -rounds goes with -json", ErrUsage)
	}
	f.Port, f.Interval = uint16(port), time.Duration(seconds)*time.Second
	return f, nil
}
