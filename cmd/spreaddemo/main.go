package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spreadd/spreadd/internal/flags"
)

func main() {
	if os.Getenv(logsubVariable) != "" {
		os.Exit(runLogsub())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	stdout, stderr := flags.Streams("spreaddemo")
	status := run(ctx, os.Args[1:], stdout, stderr)
	stop()
	os.Exit(status)
}

// run is the program. It returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if err != nil {
		return o.set.Answer(err, stdout, stderr)
	}
	cfg := demoConfig{Out: stdout, Terminal: !o.verbose && isTerminal(stdout), Dir: o.dir, Rounds: o.rounds, Plain: o.plain}
	if o.verbose {
		cfg.Log = slog.New(slog.NewTextHandler(stderr, nil))
	}
	if cfg.Dir == "" {
		if cfg.Dir, err = os.MkdirTemp("", "spreadd-demo-"); err != nil {
			fmt.Fprintf(stderr, "spreaddemo: cannot make a directory for the files: %v\n", err)
			return flags.Failed
		}
		if !o.keep {
			remove := func() { _ = os.RemoveAll(cfg.Dir) } // it is among the temporary ones
			if out, ok := stdout.(*flags.Output); ok {
				out.BeforeExit(remove)
			}
			defer remove()
		}
	}
	report, err := runDemo(ctx, cfg)
	if err == nil {
		report.Kept = o.keep || o.dir != ""
		err = errors.Join(report.Write(stdout), report.Err())
	}
	if err != nil {
		fmt.Fprintf(stderr, "spreaddemo: %v\n", err)
		return flags.Failed
	}
	return flags.OK
}

// isTerminal reports whether the output is shown while it is printed.
func isTerminal(w io.Writer) bool {
	f, ok := w.(interface{ Stat() (os.FileInfo, error) })
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
