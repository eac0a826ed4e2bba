package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spreadd/spreadd/cmd/spreaddemo/demo"
)

const demoUsage = `Usage: spreaddemo [-dir DIRECTORY] [-rounds N] [-v]

Sends the access logs of three web sites through a ring of three daemons to two log hosts, all in
this process and on free loopback ports, kills a daemon on the way and brings it back, and compares what
went in with what came out.

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// Exit statuses.
const (
	statusOK    = 0
	statusError = 1
	statusUsage = 2
)

// run runs the demonstration.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cfg := demo.Config{Out: stdout, Terminal: isTerminal(stdout)}
	var verbose bool
	fs := flag.NewFlagSet("spreaddemo", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprint(stderr, demoUsage)
		fs.PrintDefaults()
	}
	fs.StringVar(&cfg.Dir, "dir", "", "write the log hosts' files to this `directory` (default: a new temporary one)")
	fs.IntVar(&cfg.Rounds, "rounds", demo.DefaultRounds, "send each log this `number` of times")
	fs.BoolVar(&verbose, "v", false, "show the logs of all parts")
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return statusOK
	case err == nil && fs.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case err == nil && cfg.Rounds < 1:
		err = fmt.Errorf("-rounds %d: want 1 or more", cfg.Rounds)
	}
	if err != nil {
		fmt.Fprintf(stderr, "spreaddemo: %v (spreaddemo -h tells more)\n", err)
		return statusUsage
	}
	if verbose {
		cfg.Terminal = false
		cfg.Log = slog.New(slog.NewTextHandler(stderr, nil))
	}
	report, err := demo.Run(ctx, cfg)
	if err == nil {
		err = errors.Join(report.Write(stdout), report.Err())
	}
	if err != nil {
		fmt.Fprintf(stderr, "spreaddemo: %v\n", err)
		return statusError
	}
	return statusOK
}

// isTerminal reports whether what is printed to w is seen as it is printed.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
