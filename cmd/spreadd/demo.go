package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spreadd/spreadd/demo"
)

const demoUsage = `Usage: spreadd demo [-dir DIRECTORY] [-rounds N] [-v]

Sends the access logs of three web sites through a ring of three daemons to two log hosts, all in
this process and on free loopback ports, kills a daemon on the way and brings it back, and compares what
went in with what came out.

`

// demo runs the demonstration.
func (p *program) demo(ctx context.Context, args []string) int {
	cfg := demo.Config{Out: p.stdout, Terminal: isTerminal(p.stdout)}
	var verbose bool
	fs := flag.NewFlagSet("spreadd demo", flag.ContinueOnError)
	fs.SetOutput(p.stderr)
	fs.Usage = func() {
		fmt.Fprint(p.stderr, demoUsage)
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
		fmt.Fprintf(p.stderr, "spreadd demo: %v (spreadd demo -h tells more)\n", err)
		return statusUsage
	}
	if verbose {
		cfg.Terminal = false
		cfg.Log = slog.New(slog.NewTextHandler(p.stderr, nil))
	}
	report, err := demo.Run(ctx, cfg)
	if err == nil {
		err = errors.Join(report.Write(p.stdout), report.Err())
	}
	if err != nil {
		fmt.Fprintf(p.stderr, "spreadd demo: %v\n", err)
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
