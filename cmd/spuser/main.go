package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spreadd/spreadd/cmd/spuser/spuser"
	"github.com/spreadd/spreadd/spread"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags, err := spuser.ParseFlags(args)
	if err != nil || flags.Help {
		if err != nil {
			_, _ = fmt.Fprintf(stderr, "spuser: %v\n", err)
		}
		_, _ = fmt.Fprint(stdout, spuser.Usage) // nobody else is left to be told
		return 0
	}
	cfg := spuser.Config{
		Address: flags.Address,
		Dial: func(ctx context.Context) (spuser.Session, error) {
			return spread.Dial(ctx, flags.Address, flags.Options()...)
		},
	}
	if flags.JSON {
		cfg.JSON = stdout
		cfg.Console = spuser.NewPlainConsole(stdin, io.Discard)
	} else {
		cfg.Console = spuser.NewConsole(stdin, stdout, spuser.HistoryFile())
	}
	if err := spuser.Run(ctx, cfg); err != nil && flags.JSON {
		return 1
	}
	return 0
}
