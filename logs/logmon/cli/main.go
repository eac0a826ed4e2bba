package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/spreadd/spreadd/internal/flags"
)

// Main runs the program with the arguments, streams and signals of the process, and returns its
// exit status.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends at once
	stdout, stderr := flags.Streams("logmon")
	return run(ctx, os.Args[1:], os.Stdin, stdout, stderr)
}

// run is the program.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if err != nil {
		return o.set.Answer(err, stdout, stderr)
	}
	if o.mode == modeAuto {
		switch {
		case o.once:
			o.mode = modeText
		case isTerminal(stdin) && isTerminal(stdout) && os.Getenv("TERM") != "dumb":
			o.mode = modeScreen
		case o.web != "" || o.metrics != "":
			o.mode = modeQuiet
		default:
			o.mode = modeText
		}
	}
	if f, ok := stdin.(*os.File); ok && o.mode == modeScreen && !o.once && !isTerminal(f) {
		fmt.Fprintf(stderr, "logmon: the screen is operated by keys, but standard input is not a terminal; run logmon in a terminal, or use -plain, -json or -web\n")
		return flags.Failed
	}
	if err := o.watch(ctx, stdin, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "logmon: %v\n", err)
		return flags.Failed
	}
	return flags.OK
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}
