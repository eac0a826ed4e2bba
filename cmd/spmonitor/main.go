package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spreadd/spreadd/daemon/monitor"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/spreadconf"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends at once
	stdout, stderr := flags.Streams("spmonitor")
	os.Exit(run(ctx, os.Args[1:], os.Stdin, stdout, stderr))
}

// run is the program. It returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if status, found := runCommand(ctx, args, stdout, stderr); found {
		return status
	}
	o, err := parse(args)
	if err != nil {
		return o.set.Answer(err, stdout, stderr)
	}
	f := runMenu
	if o.json {
		f = runJSON
	}
	if err := f(ctx, config{Load: func() (Settings, error) { return o.load(ctx) }, Interval: o.interval, Rounds: o.rounds, In: stdin, Out: stdout}); err != nil {
		fmt.Fprintf(stderr, "spmonitor: %v\n", err)
		return flags.Failed
	}
	return flags.OK
}

// load reads the configuration, as the daemon does.
func (o *options) load(ctx context.Context) (Settings, error) {
	env := spreadconf.SystemEnvironment()
	conf, err := spreadconf.Load(ctx, o.conf, env)
	if errors.Is(err, spreadconf.ErrNoFile) && o.conf == "" {
		conf, err = spreadconf.Default(), nil
	}
	if err != nil {
		return Settings{}, err
	}
	self, err := conf.Self(env, o.name)
	if err != nil {
		return Settings{}, err
	}
	keys, err := ringKeys(ctx, o.keys)
	if err != nil {
		return Settings{}, err
	}
	return Settings{
		Hash:        conf.Hash(),
		Accelerated: conf.AcceleratedAtStart(),
		Open: func(ctx context.Context) (Conn, error) {
			cfg := monitor.FromConf(conf, self, o.port)
			cfg.Keys = keys
			return monitor.Open(ctx, cfg)
		},
	}, nil
}
