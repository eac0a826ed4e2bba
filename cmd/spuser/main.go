package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/spread"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends at once
	stdout, stderr := flags.Streams("spuser")
	os.Exit(run(ctx, os.Args[1:], os.Stdin, stdout, stderr))
}

// run is the program. It returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if err != nil {
		return o.set.Answer(err, stdout, stderr)
	}
	cfg := config{
		Address: o.address,
		Dial: func(ctx context.Context) (connection, error) {
			if o.lasting {
				return dialLasting(ctx, o.address, o.dialOptions())
			}
			return spread.Dial(ctx, o.address, o.dialOptions()...)
		},
		Lasting: o.lasting,
		Raw:     o.raw,
	}
	if o.json {
		cfg.JSON = stdout
		cfg.console = newPlainConsole(stdin, io.Discard)
	} else {
		cfg.console = newConsole(stdin, stdout, historyFile())
	}
	if err := interact(ctx, cfg); err != nil {
		return flags.Failed // the error was shown
	}
	return flags.OK
}
