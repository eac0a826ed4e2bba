package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/freeport"
	"github.com/spreadd/spreadd/internal/spreadconf"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
)

// quick are timeouts for tests, in the form of spread.conf.
const quick = `TokenTimeout = 1000
HurryTimeout = 300
AliveTimeout = 100
JoinTimeout = 100
RepTimeout = 300
SegTimeout = 250
GatherTimeout = 500
FormTimeout = 500
LookupTimeout = 2000
AcceleratedRing = false
`

// fleet is some daemons that read one file.
type fleet struct {
	t     *testing.T
	file  string
	ports map[string]int
	with  func(*program) // what else the next programs have
}

// write writes the file, with daemons that have a segment each.
func (f *fleet) write(options string, names ...string) {
	f.t.Helper()
	var b strings.Builder
	b.WriteString(quick + asRoot() + options)
	for _, name := range names {
		if f.ports[name] == 0 {
			port, err := freeport.Find(f.t.Context())
			if err != nil {
				f.t.Fatal(err)
			}
			f.ports[name] = port
		}
		fmt.Fprintf(&b, "\nSpread_Segment 127.0.0.1:%d {\n\t%s 127.0.0.1\n}\n", f.ports[name], name)
	}
	if err := os.WriteFile(f.file, []byte(b.String()), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// running is spreadd.
type running struct {
	*daemon.Daemon
	hup            chan os.Signal
	stdout, stderr testkit.Output
	status         chan int
	stop           context.CancelFunc
}

// start starts a daemon with these arguments besides its name and its file. Without any, it has no
// UNIX socket.
func (f *fleet) start(name string, args ...string) *running {
	f.t.Helper()
	if len(args) == 0 {
		args = []string{"-socket-dir", ""}
	}
	started := make(chan *daemon.Daemon, 1)
	r := &running{hup: make(chan os.Signal), status: make(chan int, 1)}
	p := program{stdout: &r.stdout, stderr: &r.stderr, hup: r.hup, env: spreadconf.SystemEnvironment(), started: func(d *daemon.Daemon) { started <- d }}
	if f.with != nil {
		f.with(&p)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(f.t.Context()))
	r.stop = stop
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.status <- p.run(ctx, append([]string{"-n", name, "-c", f.file}, args...))
	}()
	f.t.Cleanup(func() {
		stop()
		<-ended
		if f.t.Failed() {
			f.t.Logf("%s said:\n%s%s", name, &r.stdout, &r.stderr)
		}
	})
	select {
	case r.Daemon = <-started:
	case s := <-r.status:
		f.t.Fatalf("%s ends with status %d: %s", name, s, &r.stderr)
	}
	return r
}

// reload sends SIGHUP and waits until the log says what came of it.
func (f *fleet) reload(r *running, want string) {
	f.t.Helper()
	before := strings.Count(r.stdout.String(), want)
	r.hup <- syscall.SIGHUP
	testkit.Wait(f.t, "the log says "+want, func() bool { return strings.Count(r.stdout.String(), want) > before })
}

func (f *fleet) together(all ...*running) {
	f.t.Helper()
	testkit.Wait(f.t, fmt.Sprintf("a ring of %d", len(all)), func() bool {
		return !slices.ContainsFunc(all, func(r *running) bool { return len(r.Members()) != len(all) })
	})
}

// TestReload: a daemon is taken into the ring and another out of it, while a client stays connected
// and gets everything; files that are wrong are not taken.
func TestReload(t *testing.T) {
	f := &fleet{t: t, file: filepath.Join(t.TempDir(), "spread.conf"), ports: make(map[string]int)}
	f.write("", "a", "b")
	a, b := f.start("a"), f.start("b")
	f.together(a, b)
	conn, err := spread.Dial(t.Context(), fmt.Sprintf("%d@127.0.0.1", f.ports["a"]), spread.WithName("u"), spread.WithMembership(true), spread.WithNotices(true))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Kill()
	if err := conn.Join(t.Context(), "room"); err != nil {
		t.Fatal(err)
	}
	sent := 0
	send := func() {
		t.Helper()
		sent++
		if err := conn.Multicast(t.Context(), spread.Safe, int16(sent), nil, "room"); err != nil {
			t.Fatal(err)
		}
	}
	send()

	f.write("", "c", "a", "b")
	send()
	f.reload(a, "added=[c] removed=[]")
	send()
	f.reload(b, "added=[c] removed=[]")
	c := f.start("c")
	f.together(a, b, c)
	send()

	f.write("Window = 50\nDangerousMonitor = true\nEventPriority = WARNING\nDaemonUser = other\n", "c", "a")
	send()
	f.reload(a, `some options take effect only after a restart`)
	f.reload(c, `some options take effect only after a restart`)
	f.reload(b, "removed from the configuration")
	if s := <-b.status; s != flags.OK {
		t.Errorf("the daemon that is taken out ends with status %d: %s", s, &b.stderr)
	}
	b.status <- flags.OK
	f.together(a, c)
	send()
	if st := a.Stats().Ring.Status.Ring; st.Window != 50 {
		t.Errorf("window %d, want the one of the file", st.Window)
	}
	if top, hash := a.Configuration(); len(top.Daemons()) != 2 || hash == 0 {
		t.Errorf("%d daemons in force, hash %d", len(top.Daemons()), hash)
	}

	// A mistake, and an id that a daemon cannot get on the fly.
	for _, wrong := range []struct{ options, old, new, want string }{
		{"Nonsense = 3\n", "", "", "cannot reload the configuration"},
		{"", "\tc 127.0.0.1", "\tc 127.0.0.1 VirtualID = 4711", "cannot reload the configuration"},
	} {
		f.write(wrong.options, "c", "a")
		text, err := os.ReadFile(f.file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.file, []byte(strings.Replace(string(text), wrong.old, wrong.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		f.reload(a, wrong.want)
		send()
	}
	f.together(a, c)

	// Another port needs another process.
	port, err := freeport.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.ports["c"] = port
	f.write("", "c", "a")
	f.reload(c, "cannot run with the new configuration")
	if s := <-c.status; s != flags.Failed || !strings.Contains(c.stderr.String(), "the port of this daemon") {
		t.Errorf("status %d: %s", s, &c.stderr)
	}
	c.status <- flags.Failed

	named := false
	for got := 0; got < sent; {
		ev, err := conn.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := ev.(*spread.Notice); ok {
			named = named || strings.HasPrefix(n.Text, "b left: removed from the configuration")
		}
		if m, ok := ev.(*spread.Message); ok {
			if got++; int(m.Type) != got {
				t.Fatalf("message %d in place %d", m.Type, got)
			}
		}
	}
	if !named {
		t.Error("no notice names the daemon that was taken out")
	}
}
