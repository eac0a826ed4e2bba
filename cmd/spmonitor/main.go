package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spreadd/spreadd/cmd/spmonitor/monitor"
	"github.com/spreadd/spreadd/cmd/spmonitor/spmonitor"
	"github.com/spreadd/spreadd/internal/spreadconf"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Exit statuses.
const (
	statusOK    = 0
	statusError = 1
	statusUsage = 2
)

// run is the program.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags, err := spmonitor.ParseFlags(args)
	if err != nil {
		fmt.Fprintf(stderr, "spmonitor: %v\n%s", err, spmonitor.Usage)
		return statusUsage
	}
	if flags.Help {
		fmt.Fprint(stdout, spmonitor.Usage)
		return statusOK
	}
	load := func() (spmonitor.Settings, error) { return load(flags) }
	if flags.JSON {
		err = spmonitor.RunJSON(ctx, spmonitor.JSONConfig{Load: load, Interval: flags.Interval, Rounds: flags.Rounds, Out: stdout})
	} else {
		err = spmonitor.Run(ctx, spmonitor.Config{Load: load, Interval: flags.Interval, In: stdin, Out: stdout})
	}
	if err != nil {
		fmt.Fprintf(stderr, "spmonitor: %v\n", err)
		return statusError
	}
	return statusOK
}

// load reads the configuration, as the daemon does.
func load(flags spmonitor.Flags) (spmonitor.Settings, error) {
	env := spreadconf.SystemEnvironment()
	conf, err := spreadconf.Load(flags.File, env)
	if errors.Is(err, spreadconf.ErrNoFile) && flags.File == "" {
		conf, err = spreadconf.Default(), nil
	}
	if err != nil {
		return spmonitor.Settings{}, err
	}
	self, err := conf.Self(env, flags.Name)
	if err != nil {
		return spmonitor.Settings{}, err
	}
	return spmonitor.Settings{
		Hash:        conf.Hash(),
		Accelerated: conf.AcceleratedAtStart(),
		Open: func(ctx context.Context) (spmonitor.Conn, error) {
			return monitor.Open(ctx, monitor.Config{Conf: conf, Self: self, Port: flags.Port})
		},
	}, nil
}
