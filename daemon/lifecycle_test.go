package daemon

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/wire"
)

// run starts a daemon that the test stops itself.
func run(t testing.TB, cfg Config) (d *Daemon, stop func() error) {
	t.Helper()
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	<-d.Ready()
	return d, func() error {
		cancel()
		return <-done
	}
}

// TestRestart: a daemon that had clients can be started again at once on the same port and path.
func TestRestart(t *testing.T) {
	cfg := testConfig(t, "alpha", alphaID)
	for i := range 3 {
		d, stop := run(t, cfg)
		cfg.Listen[0] = netip.MustParseAddrPort(d.Addrs()[0].String())
		var clients []*rawClient
		for j := range 4 {
			c := connect(t, d, j%2, fmt.Sprintf("c%d", j), wire.FlagMembership)
			c.join("grp")
			clients = append(clients, c)
		}
		if err := stop(); err != nil {
			t.Fatalf("stop %d: %v", i, err)
		}
		if _, err := io.Copy(io.Discard, clients[0].conn); err != nil {
			t.Errorf("a client sees %v, want the end of the stream", err)
		}
		if _, err := os.Lstat(d.Addrs()[1].String()); err == nil {
			t.Error("the UNIX socket stays behind")
		}
	}
}

// TestClientsBeforeRing: clients are accepted before the first membership, and what they send waits
// for it. Here it does not come for an hour, until the test moves the clock.
func TestClientsBeforeRing(t *testing.T) {
	cfg := testConfig(t, "alpha", alphaID)
	top, err := topology.New([]topology.Segment{{Daemons: []topology.Daemon{{ID: alphaID, Name: "alpha"}, {ID: deltaID, Name: "delta"}}}})
	if err != nil {
		t.Fatal(err)
	}
	timeouts := membership.LAN()
	timeouts.Seg = time.Hour
	cfg.Engine = engine.Config{Topology: top, Self: alphaID, Timeouts: timeouts}
	d := launch(t, cfg)
	submitted := func(n int64) {
		t.Helper()
		testkit.Wait(t, "requests to be taken", func() bool { return d.Stats().Submitted[engine.Accepted] == n })
	}
	a := connect(t, d, 0, "a", wire.FlagMembership)
	a.write(a.request(wire.Join, nil, "grp"))
	submitted(1)
	b := connect(t, d, 1, "b", 0)
	b.write(b.request(wire.Join, nil, "grp"))
	b.write(b.request(wire.Kill, nil, b.private.String()))
	submitted(3)
	a.write(a.request(wire.Agreed, []byte("early"), "grp"))
	submitted(4)
	if m := d.Members(); m != nil {
		t.Fatalf("members %v, want none", m)
	}
	d.call(func(o *owner) {
		for at := o.moment(); !o.isReady(); at = at.Add(time.Hour) {
			o.engine.Advance(at, 1000, &o.out)
			o.carryOut()
		}
	})
	for i, want := range []wire.Type{wire.CausedByJoin, wire.CausedByJoin, wire.CausedByDisconnect, wire.Agreed} {
		if m := a.message(); m.Type&want == 0 {
			t.Errorf("message %d is of type %v, want %v", i, m.Type, want)
		}
	}
	if _, err := b.next(); !errors.Is(err, io.EOF) {
		t.Errorf("b, which has left, sees %v", err)
	}
}

// TestShutdownFlushes: a client receives what is queued for it when the daemon stops.
func TestShutdownFlushes(t *testing.T) {
	for addr, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			cfg := testConfig(t, "alpha", alphaID)
			cfg.Linger = testkit.Patience
			d, stop := run(t, cfg)
			sub := connect(t, d, addr, "sub", wire.FlagMembership)
			sub.join("grp")
			pub := connect(t, d, addr, "pub", 0)
			const count = 30 // of 100 kB each: more than the kernel buffers
			for i := range count {
				payload := make([]byte, 100_000)
				binary.BigEndian.PutUint32(payload, uint32(i))
				pub.write(pub.request(wire.Agreed, payload, "grp"))
			}
			testkit.Wait(t, "the messages to be queued", func() bool { return d.Stats().Sessions.Queued == count+1 })
			stopped := make(chan error, 1)
			go func() { stopped <- stop() }()
			for i := range count {
				if got := binary.BigEndian.Uint32(sub.message().Payload); got != uint32(i) {
					t.Fatalf("message %d in place %d", got, i)
				}
			}
			if _, err := sub.next(); !errors.Is(err, io.EOF) {
				t.Errorf("behind the last message: %v, want the end of the stream", err)
			}
			if err := <-stopped; err != nil {
				t.Error(err)
			}
			if n := d.Stats().BlocksOut; n != 0 {
				t.Errorf("%d blocks were not given back", n)
			}
		})
	}
}

// TestShutdownDoesNotWaitForever: a client that does not read delays a stop by no more than the
// linger time, here none.
func TestShutdownDoesNotWaitForever(t *testing.T) {
	cfg := testConfig(t, "alpha", alphaID)
	cfg.Linger = -1
	d, stop := run(t, cfg)
	sub := connect(t, d, 1, "sub", wire.FlagMembership)
	sub.join("grp")
	pub := connect(t, d, 1, "pub", 0)
	for range 30 {
		pub.write(pub.request(wire.Agreed, make([]byte, 100_000), "grp"))
	}
	testkit.Wait(t, "the messages to be queued", func() bool { return d.Stats().Sessions.Queued == 31 })
	if err := stop(); err != nil {
		t.Error(err)
	}
	if d.Stats().Sessions.Discarded == 0 {
		t.Error("nothing is counted as discarded")
	}
}

// TestSocketFile: a file that is not a socket stays; the socket of a dead daemon is replaced; that
// of a live one is taken over with a warning, and only the new owner removes it.
func TestSocketFile(t *testing.T) {
	dir := t.TempDir()
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	path := filepath.Join(dir, "4803")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := (&Config{SocketMode: socketMode, Log: logger}).listenUnix(t.Context(), filepath.Join(dir, "4803"))
	if err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("a file in the way: %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("the file is now %q (%v)", b, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	dead, _, err := (&Config{SocketMode: socketMode, Log: logger}).listenUnix(t.Context(), filepath.Join(dir, "4803"))
	if err != nil {
		t.Fatal(err)
	}
	if err := dead.Close(); err != nil { // Its file stays, as after a kill.
		t.Fatal(err)
	}
	first, firstFile, err := (&Config{SocketMode: socketMode, Log: logger}).listenUnix(t.Context(), filepath.Join(dir, "4803"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	if log.Len() > 0 {
		t.Errorf("replacing a dead socket logs %s", &log)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != socketMode {
		t.Errorf("mode %v (%v), want %v", info.Mode(), err, os.FileMode(socketMode))
	}
	second, secondFile, err := (&Config{SocketMode: socketMode, Log: logger}).listenUnix(t.Context(), filepath.Join(dir, "4803"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = second.Close() }()
	if !strings.Contains(log.String(), "another daemon answers") {
		t.Errorf("taking over a live socket logs %q", &log)
	}
	firstFile.remove(logger)
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the first daemon has removed the second's socket: %v", err)
	}
	_ = c.Close()
	secondFile.remove(logger)
	if _, err := os.Lstat(path); err == nil {
		t.Error("the second daemon leaves its socket behind")
	}
}

// TestSocketRace: daemons that start at one moment with the same socket path all serve, and the
// path leads to one of them.
func TestSocketRace(t *testing.T) {
	for round := range 20 {
		dir := t.TempDir()
		type opened struct {
			l    net.Listener
			file *socketFile
			err  error
		}
		const daemons = 4
		all := make(chan opened, daemons)
		for range daemons {
			go func() {
				l, file, err := (&Config{SocketMode: socketMode, Log: slog.New(slog.DiscardHandler)}).listenUnix(t.Context(), filepath.Join(dir, "4803"))
				all <- opened{l, file, err}
			}()
		}
		var files []*socketFile
		for range daemons {
			o := <-all
			if o.err != nil {
				t.Fatalf("round %d: %v", round, o.err)
			}
			t.Cleanup(func() { _ = o.l.Close() })
			files = append(files, o.file)
		}
		path := filepath.Join(dir, "4803")
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		_ = c.Close()
		for _, f := range files {
			f.remove(slog.New(slog.DiscardHandler))
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("round %d: %v stay behind (%v)", round, left, err)
		}
	}
}

// TestSocketAdvice: a directory that cannot have a socket is reported with what to do.
func TestSocketAdvice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	_, _, err := (&Config{SocketMode: socketMode, Log: slog.New(slog.DiscardHandler)}).listenUnix(t.Context(), filepath.Join(dir, "4803"))
	if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "4803")) || !strings.Contains(err.Error(), `-socket-dir ""`) {
		t.Errorf("a missing directory: %v", err)
	}
}

func TestPortInUse(t *testing.T) {
	d := start(t, testConfig(t, "alpha", alphaID))
	cfg := testConfig(t, "beta", deltaID)
	cfg.Listen[0] = netip.MustParseAddrPort(d.Addrs()[0].String())
	second, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), "is another daemon running?") {
		t.Errorf("binding a port in use: %v", err)
	}
}

// TestListenAdvice: advice fits the error.
func TestListenAdvice(t *testing.T) {
	for err, want := range map[error]string{
		syscall.EADDRINUSE:    "another daemon",
		syscall.EACCES:        "ports below 1024 need privileges",
		syscall.EADDRNOTAVAIL: "",
	} {
		if got := listenAdvice(os.NewSyscallError("bind", err)); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%v: %q", err, got)
		}
	}
}

func TestBadConfig(t *testing.T) {
	for what, change := range map[string]func(*Config){
		"no address":         func(c *Config) { c.Listen = nil },
		"a port and no way":  func(c *Config) { c.Listen, c.Port, c.SocketDir = nil, 4803, "" },
		"an illegal name":    func(c *Config) { c.Engine.Topology = topology.Alone(alphaID, "a b") },
		"self not listed":    func(c *Config) { c.Engine.Self++ },
		"no configuration":   func(c *Config) { c.Engine.Topology = nil },
		"no room for shakes": func(c *Config) { c.Sessions.MaxHandshakes = -1 },
	} {
		cfg := testConfig(t, "alpha", alphaID)
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

// TestNameIsFreeAtTheEnd: a client that has seen its connection end after a disconnect can
// reconnect with its name at once.
func TestNameIsFreeAtTheEnd(t *testing.T) {
	d := start(t, testConfig(t, "alpha", alphaID))
	for range 300 {
		c := connect(t, d, 0, "again", 0) // It fails if the name is taken.
		c.write(c.request(wire.Kill, nil, c.private.String()))
		if _, err := c.next(); err == nil {
			t.Fatal("a message after the disconnect")
		}
	}
}

// TestSessionLog: the log has the life of each session with its name, and at level Debug its requests.
func TestSessionLog(t *testing.T) {
	cfg := testConfig(t, "alpha", alphaID)
	log := new(testkit.Output)
	cfg.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d := start(t, cfg)
	c := connect(t, d, 0, "bob", wire.FlagMembership)
	c.join("grp")
	c.write(c.request(wire.Leave, nil, "grp"))
	c.message()
	c.write(c.request(wire.Kill, nil, c.private.String()))
	for _, want := range []string{
		`level=INFO msg="client connected" session=#bob#alpha peer=127.0.0.1:`,
		`msg="join requested" session=#bob#alpha group=grp outcome=accepted`,
		`msg="leave requested" session=#bob#alpha group=grp outcome=accepted`,
		`level=INFO msg="client disconnected" session=#bob#alpha peer=127.0.0.1:`,
		` reason=kill`,
	} {
		log.Wait(t, want)
	}
}

// TestListenerFails: the failure of a listener wakes an idle daemon and stops it.
func TestListenerFails(t *testing.T) {
	d, err := New(testConfig(t, "alpha", alphaID))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.owner.reportEvery = 1000 * time.Hour // The report would wake it.
	done := make(chan error, 1)
	go func() { done <- d.Run(t.Context()) }()
	<-d.Ready()
	if err := d.listeners[0].Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("it ends with %v, want the listener's error", err)
		}
	case <-time.After(testkit.Patience):
		t.Fatal("it does not stop")
	}
}

// TestDualStack: a daemon that listens on the wildcard address of IPv6 also serves IPv4 clients, as
// a C daemon does. With an IPv4 address beside it, each has its own listener.
func TestDualStack(t *testing.T) {
	probe, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("IPv6 is not available: ", err)
	}
	if err := probe.Close(); err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t, "alpha", 1)
	cfg.Listen = []netip.AddrPort{netip.MustParseAddrPort("[::]:0")}
	d := start(t, cfg)
	port := d.clientPort()
	for _, host := range []string{"127.0.0.1", "::1"} {
		c, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(int(port))))
		if err != nil {
			t.Errorf("connecting by %s: %v", host, err)
			continue
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	wildcard := netip.MustParseAddrPort("[::]:4803")
	for _, tt := range []struct {
		all  []netip.AddrPort
		want string
	}{
		{[]netip.AddrPort{wildcard}, "tcp"},
		{[]netip.AddrPort{wildcard, netip.MustParseAddrPort("[::1]:4803")}, "tcp"},
		{[]netip.AddrPort{wildcard, netip.MustParseAddrPort("127.0.0.1:4804")}, "tcp"},
		{[]netip.AddrPort{wildcard, netip.MustParseAddrPort("127.0.0.1:4803")}, "tcp6"},
	} {
		if got := listenNetwork(wildcard, tt.all); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.all, got, tt.want)
		}
	}
}

// TestRunDir: the socket for services whose /tmp is their own needs no other one beside it.
func TestRunDir(t *testing.T) {
	cfg := testConfig(t, "alpha", alphaID)
	cfg.SocketDir, cfg.RunDir = "", t.TempDir()
	d := start(t, cfg)
	for _, a := range d.Addrs() {
		if a.Network() == "unix" && filepath.Dir(a.String()) == cfg.RunDir && strings.HasSuffix(a.String(), ".sock") {
			return
		}
	}
	t.Errorf("clients are served at %v, want a socket in %s", d.Addrs(), cfg.RunDir)
}
