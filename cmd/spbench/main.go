package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spreadd/spreadd/cmd/spbench/bench"
	"github.com/spreadd/spreadd/internal/flags"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	stdout, stderr := flags.Streams("spbench")
	status := run(ctx, os.Args[1:], stdout, stderr)
	stop()
	os.Exit(status)
}

// statusFaults is the exit status when messages were lost or their order differs.
const statusFaults = 3

// run is the program. It returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(ctx, args)
	if err != nil {
		return o.set.Answer(err, stdout, stderr)
	}
	res, err := bench.Run(ctx, o.cfg)
	if err == nil && o.json {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "\t")
		err = e.Encode(res)
	} else if err == nil {
		err = res.Print(stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "spbench: %v\n", err)
		return flags.Failed
	}
	if faults := res.Faults(); len(faults) > 0 {
		fmt.Fprintf(stderr, "spbench: %s\n", strings.Join(faults, "\nspbench: "))
		return statusFaults
	}
	return flags.OK
}
