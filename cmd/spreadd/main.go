package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/internal/buildinfo"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/sdnotify"
	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/internal/spreadconf"
	"github.com/spreadd/spreadd/wire"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	stdout, stderr := flags.Streams("spreadd")
	p := program{stdout: stdout, stderr: stderr, hup: hup, env: spreadconf.SystemEnvironment(), service: service{conn: sdnotify.Open()}}
	status := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(status)
}

// program is spreadd with its surroundings, so that tests can call it.
type program struct {
	stdout, stderr io.Writer
	hup            <-chan os.Signal // each value reopens the log file and reloads the configuration
	env            spreadconf.Environment
	service        service // as systemd sees it
	// started, if not nil, is called when the daemon serves clients.
	started func(*daemon.Daemon)
	// serving, if not nil, is called when metrics are served.
	serving func(*prom.Server)
}

// run is the program. It returns the exit status.
func (p *program) run(ctx context.Context, args []string) int {
	if len(args) > 0 && args[0] == "demo" {
		fmt.Fprintln(p.stderr, "spreadd: the demo is a program of its own: go run ./cmd/spreaddemo")
		return flags.Misuse
	}
	o, err := parse(args)
	if err != nil {
		return o.set.Answer(err, p.stdout, p.stderr)
	}
	switch {
	case o.genKey:
		err = p.printKey(o.cipher)
	case o.check:
		err = p.check(ctx, o)
	default:
		err = p.serve(ctx, o)
	}
	if err != nil {
		fmt.Fprintf(p.stderr, "spreadd: %v\n", err)
		return flags.Failed
	}
	return flags.OK
}

// printKey prints a file with a new key of the ring.
func (p *program) printKey(c seal.Cipher) error {
	k, err := seal.NewKey(c, rand.Reader)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "# Ring key %v. Whoever has it can read, forge and command: mode 0600.\nkeys = [\n\t%q,\n]\n", k.ID(), k.Text())
	return err
}

// banner is the line of -version and of the start of the log.
func banner() string {
	v := wire.OurVersion
	return fmt.Sprintf("spreadd %s, speaks Spread %d.%d.%d", buildinfo.Line(), v.Major, v.Minor, v.Patch)
}
