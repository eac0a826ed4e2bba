package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spreadd/spreadd/cmd/spbench/bench"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/spreadconf"
	"github.com/spreadd/spreadd/spread"
)

type options struct {
	cfg   bench.Config
	conf  string
	enter bool
	json  bool
	set   *flags.Set
}

func parse(ctx context.Context, args []string) (options, error) {
	o := options{cfg: bench.Config{
		Publishers: 1, Receivers: 1, Size: 200, Service: spread.Agreed, Window: 200,
		For: 5 * time.Second, Warmup: time.Second, Patience: 30 * time.Second, Group: "spbench",
	}}
	o.describe()
	if err := o.set.Parse(args); err != nil {
		return o, err
	}
	return o, o.complete(ctx)
}

// describe describes the flags. docs/flags.md lists them.
func (o *options) describe() {
	c := &o.cfg
	s := flags.New(flags.Program{
		Name:  "spbench",
		Usage: []string{"-s ADDRESS [-s ADDRESS ...] [options]", "-c spread.conf [options]"},
		About: `Loads the daemons of a ring through the client protocol and measures rates, latency, processor time and memory. It also
			checks that no message is lost and that all receivers see one order; the exit status is 3 otherwise.`,
		Examples: []flags.Example{
			{Args: "-s 4803@host1 -s 4803@host2", Text: "measure the highest rate of two daemons for 5 seconds"},
			{Args: "-c /etc/spread/spread.conf -rate 1000 -for 1m", Text: "measure the latency of all daemons of a file at 1000 messages per second and publisher"},
			{Args: "-s 4803 -size 1350 -service safe -json", Text: "measure SAFE messages of 1350 bytes and print JSON"},
		},
	})
	o.set = s
	s.Group("Daemons")
	s.Func("s daemons", "ADDRESS...", "daemon to load: PORT for this host or PORT@HOST; also a list with commas", func(text string) error {
		for a := range strings.SplitSeq(text, ",") {
			if _, err := spread.ParseAddress(a); err != nil {
				return err
			}
			c.Daemons = append(c.Daemons, a)
		}
		return nil
	})
	s.String(&o.conf, "c", "FILE", "load the daemons of this spread.conf")
	s.Func("pids", "PIDS", "process ids of the daemons, with commas, to measure their processor time and memory", func(text string) error {
		for p := range strings.SplitSeq(text, ",") {
			pid, err := strconv.Atoi(p)
			if err != nil || pid < 1 {
				return fmt.Errorf("%q is not a process id", p)
			}
			c.Processes = append(c.Processes, pid)
		}
		return nil
	})
	s.Bool(&o.enter, "enter", "connect within the network namespace of each daemon, found by -pids (Linux, as root)")
	s.Group("Load")
	s.Int(&c.Publishers, "publishers", "N", "publishers at each daemon", 0, math.MaxInt32)
	s.Int(&c.Receivers, "receivers", "N", "receivers at each daemon", 0, math.MaxInt32)
	flags.Size(s, &c.Size, "size", "payload of a message")
	s.Float(&c.Vary, "vary", "SHARE", "vary the size by this share, 0 to 1 (default: 0)")
	flags.Var(s, &c.Service, "service", "unreliable|reliable|fifo|causal|agreed|safe", "service of the messages", spread.ParseService).Default = "agreed"
	s.Float(&c.Rate, "rate", "N", "messages per second from each publisher (default: as many as the receivers take)")
	s.Int(&c.Window, "window", "N", "without -rate: messages of a publisher in flight to the slowest receiver", 0, math.MaxInt32)
	s.String(&c.Group, "group", "GROUP", "group to use; nobody else may use it")
	s.Group("Time and output")
	s.Duration(&c.For, "for", "measured time")
	s.Duration(&c.Warmup, "warmup", "time before it")
	s.Duration(&c.Patience, "patience", "time limit for the ring to form, and for the last messages to arrive")
	s.Bool(&o.json, "json", "print the result as JSON")
}

// complete checks the flags together and finds the daemons of a file.
func (o *options) complete(ctx context.Context) error {
	c := &o.cfg
	// Package bench takes 0 for its default.
	if c.Publishers == 0 {
		c.Publishers = -1
	}
	if c.Warmup == 0 {
		c.Warmup = -1
	}
	if (o.conf == "") == (len(c.Daemons) == 0) {
		return errors.New("add the daemons: -s ADDRESS, or -c FILE, not both")
	}
	if o.conf != "" {
		if err := fromConf(ctx, c, o.conf); err != nil {
			return err
		}
	}
	if o.enter {
		if len(c.Processes) != len(c.Daemons) {
			return fmt.Errorf("-enter needs the process id of each of the %d daemons: there are %d", len(c.Daemons), len(c.Processes))
		}
		c.Dial = bench.Enter(c.Processes)
	}
	return nil
}

// fromConf adds the daemons of a spread.conf, each at the first of its client addresses that is not
// a wildcard.
func fromConf(ctx context.Context, c *bench.Config, path string) error {
	conf, err := spreadconf.Load(ctx, path, spreadconf.SystemEnvironment())
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
