package monitor

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/internal/spreadconf"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/wire"
)

// open opens a monitor of a ring, until the test ends.
func open(t *testing.T, r *localringtest.Ring, name string) *Socket {
	t.Helper()
	self, err := r.Conf.Self(spreadconf.SystemEnvironment(), name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(t.Context(), FromConf(r.Conf, self, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.conn.SetDeadline(time.Now().Add(testkit.Patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// ask asks a daemon.
func ask(t *testing.T, c *Socket, i int) Report {
	t.Helper()
	if err := c.Query(i); err != nil {
		t.Fatal(err)
	}
	r, err := c.Receive()
	if err != nil {
		t.Fatal(err)
	}
	if r.Daemon != i {
		t.Fatalf("daemon %d was asked, %d answers from %v", i, r.Daemon, r.From)
	}
	return r
}

// TestRequest has the status request that monitor-protocol §3 shows.
func TestRequest(t *testing.T) {
	want, err := hex.DecodeString(strings.ReplaceAll(
		"80000081 31d70aaf 31d70aaf 0000000000000000 8f190000 00000000 ec9e78ad 00000000 00000000", " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	c := &Socket{self: 0xaf0ad731, hash: 0xad789eec, port: 6543}
	if got := c.request(wire.PacketStatus, nil); !bytes.Equal(got, want) {
		t.Errorf("request\n% x, want\n% x", got, want)
	}
}

func TestStatus(t *testing.T) {
	r := localringtest.New(t, "", "alpha", "beta")
	daemons := r.StartAll()
	client, err := spread.Dial(t.Context(), daemons[1].Address(), spread.WithName("bob"), spread.WithMembership(true))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if err := client.Join(t.Context(), "grp"); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := open(t, r, "alpha")
	if err := c.Query(c.All()...); err != nil {
		t.Fatal(err)
	}
	var got [2]Report
	for range got {
		r, err := c.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if r.Daemon < 0 || got[r.Daemon].Self != 0 {
			t.Fatalf("report %+v", r)
		}
		got[r.Daemon] = r
	}
	for i, s := range got {
		if s.Self != c.Daemons()[i].ID || c.DaemonName(s.Leader) != "alpha" || s.State != 1 || s.Daemons != 2 || s.Segments != 2 ||
			s.Groups != 1 || s.Sessions != int16(i) || s.Window != 160 || s.TokenRounds < 1 || s.From.Port() == c.Daemons()[i].Addr.Port() {
			t.Errorf("report of %s: %+v", c.Daemons()[i].Name, s)
		}
	}
	if name := c.DaemonName(0xffffffff); name != "-1" {
		t.Errorf("an unknown daemon is called %s", name)
	}
}

// windows are those that a daemon reports.
func windows(t *testing.T, c *Socket, i int) [3]int16 {
	t.Helper()
	s := ask(t, c, i)
	return [3]int16{s.Window, s.PersonalWindow, s.AcceleratedWindow}
}

// TestObeyed has daemons that let monitors change something do all of it.
func TestObeyed(t *testing.T) {
	r := localringtest.New(t, "DangerousMonitor = true\n", "alpha", "beta")
	daemons := r.StartAll()
	c := open(t, r, "beta")

	if err := c.SetWindows(200, []wire.Windows{{Personal: 30, Accelerated: wire.Unchanged}, {Personal: wire.Unchanged, Accelerated: 5}}); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][3]int16{{200, 30, 15}, {200, 20, 5}} {
		// Each daemon takes its datagrams in order, so this is after.
		if got := windows(t, c, i); got != want {
			t.Errorf("windows of daemon %d: %v, want %v", i, got, want)
		}
	}

	rings := func(n int) func() bool {
		return func() bool {
			return !slices.ContainsFunc(daemons, func(d *localring.Daemon) bool { return len(d.Members()) != n })
		}
	}
	if err := c.Partition([]int16{0, 7}); err != nil {
		t.Fatal(err)
	}
	testkit.Wait(t, "each daemon is alone", rings(1))
	if s := ask(t, c, 1); s.Daemons != 1 || s.Leader != s.Self {
		t.Errorf("beta, partitioned: %+v", s)
	}
	if err := c.Partition([]int16{0, 0}); err != nil {
		t.Fatal(err)
	}
	testkit.Wait(t, "the daemons are together again", rings(2))

	if err := c.Kill(nil, 1); err != nil {
		t.Fatal(err)
	}
	select {
	case <-daemons[1].Done:
	case <-time.After(testkit.Patience):
		t.Fatal("beta does not end")
	}
	ask(t, c, 0) // the other one lives
}

// TestRefused: other daemons do nothing of it.
func TestRefused(t *testing.T) {
	r := localringtest.New(t, "", "alpha")
	r.StartAll()
	c := open(t, r, "alpha")
	if err := errors.Join(c.SetWindows(200, []wire.Windows{{Personal: 30, Accelerated: 5}}), c.Kill(nil, 0)); err != nil {
		t.Fatal(err)
	}
	if got, want := windows(t, c, 0), [3]int16{160, 20, 15}; got != want {
		t.Errorf("windows %v, want %v", got, want)
	}
}

// TestCommands: what is not possible is not sent, and commands are sent twice.
func TestCommands(t *testing.T) {
	r := localringtest.New(t, "", "alpha", "beta")
	c := open(t, r, "alpha")
	unchanged := wire.Windows{Personal: wire.Unchanged, Accelerated: wire.Unchanged}
	for _, err := range []error{
		c.Partition([]int16{0}),
		c.Partition([]int16{0, -1}),
		c.Kill([]int16{0, -1}, 0),
		c.SetWindows(0, []wire.Windows{unchanged, unchanged}),
		c.SetWindows(10, []wire.Windows{unchanged}),
		c.SetWindows(10, []wire.Windows{unchanged, {Personal: 0, Accelerated: 1}}),
		c.SetWindows(10, []wire.Windows{unchanged, {Personal: 1, Accelerated: -2}}),
	} {
		if err == nil {
			t.Error("what is not possible is sent")
		}
	}
	// The test stands in for beta.
	beta, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(c.Daemons()[1].Addr))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = beta.Close() }()
	if err := beta.SetDeadline(time.Now().Add(testkit.Patience)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		send  func() error
		kind  wire.RingType
		check func(p *wire.Packet) bool
	}{
		{"reload", c.Reload, wire.PacketReload, func(p *wire.Packet) bool { return len(p.Body) == 0 }},
		{"partition", func() error { return c.Partition([]int16{3, 4}) }, wire.PacketPartition, func(p *wire.Packet) bool {
			m, err := p.PartitionMap(2)
			return err == nil && slices.Equal(m, []int16{3, 4})
		}},
		{"kill", func() error { return c.Kill([]int16{3, 4}, 1) }, wire.PacketPartition, func(p *wire.Packet) bool {
			m, err := p.PartitionMap(2)
			return err == nil && slices.Equal(m, []int16{3, wire.KillComponent})
		}},
		{"windows", func() error { return c.SetWindows(wire.Unchanged, []wire.Windows{unchanged, {Personal: 9}}) }, wire.PacketFlowControl, func(p *wire.Packet) bool {
			w, err := p.FlowControl(1, 2)
			return err == nil && w == wire.Windows{Window: wire.Unchanged, Personal: 9}
		}},
	} {
		if err := tt.send(); err != nil {
			t.Fatal(err)
		}
		for range copies {
			b := make([]byte, wire.MaxPacket)
			n, err := beta.Read(b)
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			var p wire.Packet
			if err := p.Decode(b[:n]); err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			if p.Type != tt.kind || p.ConfHash != r.Conf.Hash() || p.Transmitter != c.Daemons()[0].ID || !tt.check(&p) {
				t.Errorf("%s: beta gets %+v", tt.name, p)
			}
		}
	}
}

// TestStrangers: what is no report is passed over, and who is no daemon of ours
// is not taken for one.
func TestStrangers(t *testing.T) {
	r := localringtest.New(t, "", "alpha")
	c := open(t, r, "alpha")
	stranger, err := net.Dial("udp", c.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Close() }()
	report := wire.Status{Self: c.Daemons()[0].ID + 1}
	whole := report.Append(nil)
	other := wire.Packet{Type: wire.PacketReload, Body: make([]byte, wire.StatusLen)}
	for _, b := range [][]byte{{1}, whole[:len(whole)-1], append(slices.Clone(whole), 0), other.Append(nil), bytes.Repeat([]byte{0xff}, maxReport+1), whole} {
		if _, err := stranger.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	got, err := c.Receive()
	if err != nil || got.Daemon != -1 || got.Self != report.Self || got.From.String() != stranger.LocalAddr().String() {
		t.Errorf("report %+v, %v", got, err)
	}
	if n := c.Ignored(); n != 5 {
		t.Errorf("%d datagrams ignored, want 5", n)
	}
	// A right name from a wrong place.
	c.daemons[0].Addr = netip.MustParseAddrPort("127.0.0.9:1")
	report.Self = c.daemons[0].ID
	if _, err := stranger.Write(report.Append(nil)); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Receive(); err != nil || got.Daemon != -1 {
		t.Errorf("from elsewhere: %+v, %v", got, err)
	}
}

func TestClose(t *testing.T) {
	r := localringtest.New(t, "", "alpha")
	c := open(t, r, "alpha")
	self, err := r.Conf.Self(spreadconf.SystemEnvironment(), "alpha")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), FromConf(r.Conf, self, c.port))
	if err == nil || !strings.Contains(err.Error(), "choose another port") {
		t.Errorf("a second monitor on the port: %v", err)
	}
	ended := make(chan error)
	go func() {
		_, err := c.Receive()
		ended <- err
	}()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Receive ends with %v", err)
	}
	if err := c.Query(0); !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "alpha") {
		t.Errorf("Query after the end: %v", err)
	}
}

func TestStateName(t *testing.T) {
	for state, want := range map[int32]string{0: "unknown (0)", 1: "GOP", 4: "GGT", 5: "unknown (5)", -1: "unknown (-1)"} {
		if got := GroupsStateName(state); got != want {
			t.Errorf("state %d is %q, want %q", state, got, want)
		}
	}
}
