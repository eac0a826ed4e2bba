package localring

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/internal/freeport"
	"github.com/spreadd/spreadd/internal/spreadconf"
)

// Patience is for how long tests wait for what has to happen, on machines that
// have other things to do.
const Patience = 60 * time.Second

// timeouts are those of membership, in milliseconds.
const timeouts = `TokenTimeout = 1000
HurryTimeout = 300
AliveTimeout = 100
JoinTimeout = 100
RepTimeout = 300
SegTimeout = 250
GatherTimeout = 500
FormTimeout = 500
LookupTimeout = 2000
WideAreaNetwork = false
`

// Ring is a configuration whose daemons may run.
type Ring struct {
	File string // its spread.conf
	Conf *spreadconf.Config

	t testing.TB
}

// New writes the configuration of daemons of these names, with further options
// in the form of spread.conf.
func New(t testing.TB, options string, names ...string) *Ring {
	t.Helper()
	var text strings.Builder
	text.WriteString(timeouts)
	text.WriteString(options)
	for _, name := range names {
		port, err := freeport.Find(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "\nSpread_Segment 127.0.0.1:%d {\n\t%s 127.0.0.1\n}\n", port, name)
	}
	r := &Ring{File: filepath.Join(t.TempDir(), "spread.conf"), t: t}
	if err := os.WriteFile(r.File, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if r.Conf, err = spreadconf.Load(r.File, spreadconf.SystemEnvironment()); err != nil {
		t.Fatal(err)
	}
	return r
}

// Daemon is one that runs.
type Daemon struct {
	*daemon.Daemon
	Config daemon.Config
	Done   <-chan struct{} // closed when it has ended

	stop context.CancelFunc
}

// Start runs a daemon until it is stopped or the test ends. It returns when
// clients are served. An error that ends the daemon fails the test.
func (r *Ring) Start(name string) *Daemon {
	r.t.Helper()
	self, err := r.Conf.Self(spreadconf.SystemEnvironment(), name)
	if err != nil {
		r.t.Fatal(err)
	}
	cfg, err := daemon.FromConf(r.Conf, self, daemon.Access{})
	if err != nil {
		r.t.Fatal(err)
	}
	cfg.SocketDir = ""
	cfg.Linger = -1
	cfg.Log = slog.New(slog.NewTextHandler(&lines{t: r.t}, nil)).With(slog.String("on", name))
	d, err := daemon.New(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(r.t.Context()))
	if err := d.Listen(ctx); err != nil {
		stop()
		r.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := d.Run(ctx); err != nil {
			r.t.Errorf("daemon %s: %v", name, err)
		}
	}()
	x := &Daemon{Daemon: d, Config: cfg, Done: done, stop: stop}
	r.t.Cleanup(x.Stop)
	select {
	case <-d.Ready():
	case <-done:
		r.t.Fatalf("daemon %s has ended", name)
	case <-time.After(Patience):
		r.t.Fatalf("daemon %s does not start", name)
	}
	return x
}

// StartAll runs all daemons and returns them in the order of the configuration
// when they are in one ring.
func (r *Ring) StartAll() []*Daemon {
	r.t.Helper()
	var all []*Daemon
	for _, d := range r.Conf.Daemons() {
		all = append(all, r.Start(d.Name))
	}
	Wait(r.t, "the daemons are in one ring", func() bool {
		return !slices.ContainsFunc(all, func(d *Daemon) bool { return len(d.Members()) != len(all) })
	})
	return all
}

// Stop ends the daemon and waits for that.
func (d *Daemon) Stop() {
	d.stop()
	<-d.Done
}

// Address is where clients reach the daemon, as spread.Dial wants it.
func (d *Daemon) Address() string {
	return fmt.Sprintf("%d@127.0.0.1", d.Config.Port)
}

// Wait waits until a condition holds, and fails the test if it does not.
func Wait(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(Patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// lines writes logs to the test's.
type lines struct {
	mu sync.Mutex
	t  testing.TB
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.t.Log(strings.TrimSuffix(string(b), "\n"))
	return len(b), nil
}
