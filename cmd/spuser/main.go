package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spreadd/spreadd/cmd/spuser/client"
	"github.com/spreadd/spreadd/cmd/spuser/oneshot"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/spread"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends at once
	stdout, stderr := flags.Streams("spuser")
	os.Exit(run(ctx, os.Args[1:], os.Stdin, stdout, stderr))
}

// commands returns what spuser can do besides the prompt of the original.
func commands() []*oneshot.Command { return append(oneshot.Commands(), fullScreen()) }

// run is the program. It returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		for _, c := range commands() {
			if c.Flags.Name == "spuser "+args[0] {
				return c.Main(ctx, args[1:], oneshot.Env{Stdin: stdin, Stdout: stdout, Stderr: stderr})
			}
		}
	}
	o, err := parse(args)
	if err != nil {
		return o.set.Answer(err, stdout, stderr)
	}
	cfg := config{
		Address: o.Address,
		Dial: func(ctx context.Context) (connection, error) {
			if o.lasting {
				return client.DialLasting(ctx, o.Address, o.Dialing())
			}
			return spread.Dial(ctx, o.Address, o.Dialing()...)
		},
		Complain: func(err error) { fmt.Fprintf(stderr, "spuser: %v\n", client.Explain(err)) },
		Lasting:  o.lasting,
		Raw:      o.raw,
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
