package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/eventlog"
	"github.com/spreadd/spreadd/daemon/transport/transporttest"
	"github.com/spreadd/spreadd/internal/spreadconf"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "faultyd:", err)
		os.Exit(1)
	}
}

// run runs the daemon until ctx ends.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	var network transporttest.Network
	flags := flag.NewFlagSet("faultyd", flag.ContinueOnError)
	name := flags.String("n", "", "`name` of the daemon")
	file := flags.String("c", "", "spread.conf `file`")
	flags.Func("faults", "faults of the network as `JSON`", func(s string) error { return json.Unmarshal([]byte(s), &network) })
	if err := flags.Parse(args); err != nil {
		return err
	}
	env := spreadconf.SystemEnvironment()
	c, err := spreadconf.Load(ctx, *file, env)
	if err != nil {
		return err
	}
	self, err := c.Self(env, *name)
	if err != nil {
		return err
	}
	cfg, err := daemon.FromConf(c, self, daemon.Access{})
	if err != nil {
		return err
	}
	filter := transporttest.New(network)
	cfg.SocketDir = ""
	cfg.Ring.GSO, cfg.Ring.Refused, cfg.Engine.Early = true, true, true // As in spreadd.
	cfg.Ring.Filter = filter
	cfg.Log = slog.New(eventlog.New(stdout, eventlog.Options{Level: slog.LevelDebug, Stamp: "%H:%M:%S", Precise: true}))
	d, err := daemon.New(cfg)
	if err != nil {
		return err
	}
	if err := d.Listen(ctx); err != nil {
		return err
	}
	err = d.Run(ctx)
	cfg.Log.Info("faults made", slog.Any("counts", filter.Fates()))
	return err
}
