package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spreadd/spreadd/spread"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags, err := parseFlags(args)
	if err != nil || flags.Help {
		if err != nil {
			_, _ = fmt.Fprintf(stderr, "spuser: %v\n", err)
		}
		_, _ = fmt.Fprint(stdout, usage) // there is no other place to report an error
		return 0
	}
	cfg := config{
		Address: flags.Address,
		Dial: func(ctx context.Context) (connection, error) {
			return spread.Dial(ctx, flags.Address, flags.Options()...)
		},
	}
	if flags.JSON {
		cfg.JSON = stdout
		cfg.console = newPlainConsole(stdin, io.Discard)
	} else {
		cfg.console = newConsole(stdin, stdout, historyFile())
	}
	if err := interact(ctx, cfg); err != nil && flags.JSON {
		return 1
	}
	return 0
}
