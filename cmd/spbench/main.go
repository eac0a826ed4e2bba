package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spreadd/spreadd/cmd/spbench/bench"
	"github.com/spreadd/spreadd/internal/spreadconf"
	"github.com/spreadd/spreadd/spread"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// Exit statuses.
const (
	statusOK     = 0
	statusError  = 1
	statusUsage  = 2
	statusFaults = 3 // messages were lost, or their order differs
)

const usage = `Usage: spbench -daemons ADDRESS[,ADDRESS...] [options]
       spbench -c spread.conf [options]

Loads the daemons of a ring through their clients' protocol and measures rates,
latency, processor time and memory. Loss and order are checked; the status is 3 if
something is wrong with them.

`

// options are what the command line says.
type options struct {
	cfg   bench.Config
	json  bool
	flags *flag.FlagSet
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = fmt.Fprint(stdout, usage)
		o.flags.SetOutput(stdout)
		o.flags.PrintDefaults()
		return statusOK
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "spbench: %v (spbench -h tells more)\n", err)
		return statusUsage
	}
	res, err := bench.Run(ctx, o.cfg)
	if err == nil && o.json {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "\t")
		err = e.Encode(res)
	} else if err == nil {
		err = res.Print(stdout)
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "spbench: %v\n", err)
		return statusError
	}
	if faults := res.Faults(); len(faults) > 0 {
		_, _ = fmt.Fprintf(stderr, "spbench: %s\n", strings.Join(faults, "\nspbench: "))
		return statusFaults
	}
	return statusOK
}

// parse reads the command line. It prints nothing.
func parse(args []string) (options, error) {
	var o options
	var conf string
	var enter bool
	c := &o.cfg
	fs := flag.NewFlagSet("spbench", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	o.flags = fs
	fs.Func("daemons", "`addresses` of the daemons, with commas: 4803@host1,4803@host2", func(s string) error {
		for a := range strings.SplitSeq(s, ",") {
			if _, err := spread.ParseAddress(a); err != nil {
				return err
			}
			c.Daemons = append(c.Daemons, a)
		}
		return nil
	})
	fs.StringVar(&conf, "c", "", "spread.conf: `file` with the daemons")
	fs.IntVar(&c.Publishers, "publishers", 1, "`number` of publishers at each daemon")
	fs.IntVar(&c.Receivers, "receivers", 1, "`number` of receivers at each daemon")
	fs.IntVar(&c.Size, "size", 200, "`bytes` of payload in a message")
	fs.Float64Var(&c.Vary, "vary", 0, "`share` of the size by which messages are shorter or longer, 0 to 1")
	c.Service = spread.Agreed
	fs.Func("service", "`service` of the messages: unreliable, reliable, fifo, causal, agreed or safe (default agreed)", func(s string) (err error) {
		c.Service, err = spread.ParseService(s)
		return err
	})
	fs.Float64Var(&c.Rate, "rate", 0, "`messages` a second from each publisher, 0 for as many as receivers take")
	fs.IntVar(&c.Window, "window", 200, "without a rate: `messages` of a publisher under way to the slowest receiver")
	fs.DurationVar(&c.For, "for", 5*time.Second, "measured `time`")
	fs.DurationVar(&c.Warmup, "warmup", time.Second, "`time` before it")
	fs.DurationVar(&c.Patience, "patience", 30*time.Second, "`time` to wait for the ring, and for the last messages")
	fs.StringVar(&c.Group, "group", "spbench", "`group` that nobody else uses")
	fs.Func("pids", "process `ids` of the daemons, with commas, whose processor time and memory to measure", func(s string) error {
		for p := range strings.SplitSeq(s, ",") {
			pid, err := strconv.Atoi(p)
			if err != nil || pid < 1 {
				return fmt.Errorf("%q is not a process id", p)
			}
			c.Processes = append(c.Processes, pid)
		}
		return nil
	})
	fs.BoolVar(&enter, "enter", false, "connect within the network namespace of each daemon, found by its -pids (Linux, root)")
	fs.BoolVar(&o.json, "json", false, "print the result as JSON")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	// What is 0 for us is a default for the package.
	if c.Publishers == 0 {
		c.Publishers = -1
	}
	if c.Warmup == 0 {
		c.Warmup = -1
	}
	switch {
	case fs.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case (conf == "") == (len(c.Daemons) == 0):
		return o, errors.New("want the daemons by -daemons or by -c, and not by both")
	}
	if conf != "" {
		if err := fromConf(c, conf); err != nil {
			return o, err
		}
	}
	if enter {
		if len(c.Processes) != len(c.Daemons) {
			return o, fmt.Errorf("-enter needs the process id of each of the %d daemons: there are %d", len(c.Daemons), len(c.Processes))
		}
		c.Dial = bench.Enter(c.Processes)
	}
	return o, nil
}

// fromConf takes the daemons of a spread.conf, each at the first of its addresses for clients that
// says which.
func fromConf(c *bench.Config, path string) error {
	conf, err := spreadconf.Load(path, spreadconf.SystemEnvironment())
	if err != nil {
		return err
	}
	for i := range conf.Segments {
		s := &conf.Segments[i]
		for _, d := range s.Daemons {
			addr := d.Addr
			for _, a := range d.ClientAddrs() {
				if !a.IsUnspecified() {
					addr = a
					break
				}
			}
			c.Daemons = append(c.Daemons, netip.AddrPortFrom(addr, s.Port).String())
		}
	}
	return nil
}
