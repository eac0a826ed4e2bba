package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/freeport"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

const testHash = 0x1234

// reachable returns the configuration and the address of a single daemon with sockets for monitors.
func reachable(t testing.TB) (Config, netip.AddrPort) {
	t.Helper()
	port, err := freeport.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
	top, err := topology.New([]topology.Segment{{
		Port:    addr.Port(),
		Daemons: []topology.Daemon{{ID: alphaID, Name: "alpha", Addr: addr.Addr()}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t, "alpha", alphaID)
	cfg.Engine = engine.Config{Topology: top, Self: alphaID, ConfHash: testHash}
	return cfg, addr
}

// monitor is a monitor's socket.
type monitor struct {
	t    testing.TB
	conn *net.UDPConn
	to   netip.AddrPort
}

func newMonitor(t testing.TB, to netip.AddrPort) *monitor {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(testkit.Patience)); err != nil {
		t.Fatal(err)
	}
	return &monitor{t, c, to}
}

func (m *monitor) ask(kind wire.RingType, body ...byte) {
	m.t.Helper()
	port := netip.MustParseAddrPort(m.conn.LocalAddr().String()).Port()
	p := wire.Packet{
		ByteOrder: wire.LittleEndian, Type: kind, Transmitter: alphaID, Proc: alphaID,
		Seq: int32(port), ConfHash: testHash, Body: body,
	}
	if _, err := m.conn.WriteToUDPAddrPort(p.Append(nil), m.to); err != nil {
		m.t.Fatal(err)
	}
}

func (m *monitor) status() wire.Status {
	m.t.Helper()
	m.ask(wire.PacketStatus)
	b := make([]byte, 1000)
	n, from, err := m.conn.ReadFromUDPAddrPort(b)
	if err != nil {
		m.t.Fatal(err)
	}
	if from.Port() == m.to.Port() {
		m.t.Errorf("the report comes from the data port %d", from.Port())
	}
	var p wire.Packet
	if err := p.Decode(b[:n]); err != nil {
		m.t.Fatal(err)
	}
	if p.Type != wire.PacketStatus || p.Proc != alphaID || p.ConfHash != 0 || p.Transmitter != 0 {
		m.t.Errorf("header of the report: %+v", p)
	}
	var st wire.Status
	if err := st.Decode(&p); err != nil {
		m.t.Fatal(err)
	}
	return st
}

func TestMonitorStatus(t *testing.T) {
	cfg, addr := reachable(t)
	d := start(t, cfg)
	c := connect(t, d, 0, "a", wire.FlagMembership)
	c.join("grp")
	st := newMonitor(t, addr).status()
	if st.Self != alphaID || st.Leader != alphaID || st.State != 1 || st.GroupState != 1 || st.Daemons != 1 ||
		st.Sessions != 1 || st.Groups != 1 || st.Window != 160 || st.PersonalWindow != 20 || st.MajorVersion != 5 || st.MembershipChanges != 1 {
		t.Errorf("report %+v", st)
	}
}

// TestMonitorDelivered: a monitor counts the messages between clients that were ordered, whether or
// not somebody received them here, and the rejects; no requests and no views.
func TestMonitorDelivered(t *testing.T) {
	cfg, addr := reachable(t)
	d := start(t, cfg)
	c := connect(t, d, 0, "a", wire.FlagMembership)
	c.join("grp")
	m := newMonitor(t, addr)
	if got := m.status().MessagesDelivered; got != 0 {
		t.Errorf("%d messages after a join, want 0", got)
	}
	c.write(c.request(wire.Agreed, []byte("x"), "nobody"))
	c.write(c.request(wire.Agreed|wire.SelfDiscard, []byte("x"), "grp"))
	c.write(c.request(wire.Agreed, []byte("x"), "grp", "nobody"))
	c.message()
	if got := m.status().MessagesDelivered; got != 3 {
		t.Errorf("%d messages, want 3", got)
	}
}

// TestMonitorCommands: a monitor may always ask for the status, and may change something only if
// the configuration allows it.
func TestMonitorCommands(t *testing.T) {
	for _, dangerous := range []bool{false, true} {
		t.Run(fmt.Sprintf("dangerous=%v", dangerous), func(t *testing.T) {
			cfg, addr := reachable(t)
			cfg.DangerousMonitor = dangerous
			var reloads atomic.Int64
			cfg.OnReload = func() { reloads.Add(1) }
			cfg.Linger = session.None
			d, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Listen(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			done := make(chan error, 1)
			go func() { done <- d.Run(ctx) }()
			m := newMonitor(t, addr)
			m.status()
			m.ask(wire.PacketFlowControl, 30, 0, 5, 0, 200, 0, 0, 0)
			m.ask(wire.PacketFlowControl, 0, 0, 0, 0, 0, 0, 0, 0) // no windows at all: refused
			m.ask(wire.PacketPartition, 1)                        // half a component: refused
			m.ask(wire.PacketReload)                              // always obeyed
			st := m.status()
			if n := reloads.Load(); n != 1 {
				t.Errorf("asked %d times to read the configuration, want once", n)
			}
			if got, want := [2]int16{st.Window, st.PersonalWindow}, [2]int16{160, 20}; !dangerous && got != want {
				t.Errorf("windows %v, want %v", got, want)
			}
			if got, want := [2]int16{st.Window, st.PersonalWindow}, [2]int16{200, 30}; dangerous && got != want {
				t.Errorf("windows %v, want %v", got, want)
			}
			m.ask(wire.PacketPartition, 0xff, 0xff) // kill
			if !dangerous {
				m.status() // It still runs.
				stop()
			}
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("Run: %v", err)
				}
			case <-time.After(testkit.Patience):
				t.Fatal("the daemon does not end")
			}
		})
	}
}

// TestMonitorReloads: a flood of reload commands makes the daemon reload once a second. What is
// refused is counted, and logged once.
func TestMonitorReloads(t *testing.T) {
	cfg, addr := reachable(t)
	var reloads atomic.Int64
	cfg.OnReload = func() { reloads.Add(1) }
	var out testkit.Output
	cfg.Log = slog.New(slog.NewTextHandler(&out, nil))
	d := start(t, cfg)
	m := newMonitor(t, addr)
	began := time.Now()
	for range 20 {
		for range 50 {
			m.ask(wire.PacketReload)
			m.ask(wire.PacketPartition, 0, 0)
		}
		m.status() // The socket's buffer must not overflow.
	}
	most := int64(time.Since(began)/time.Second) + 1
	if n := reloads.Load(); n < 1 || n > most {
		t.Errorf("%d reloads, want 1 to %d", n, most)
	}
	st := d.Stats().Ring.Monitors
	if st[TooOften] < 1000-2*most || st[NotAllowed] != 1000 {
		t.Errorf("refused: %v", st)
	}
	lines := strings.Count(out.String(), "monitor request refused")
	if most := int(time.Since(began)/monitorLogInterval) + 1; lines < 1 || lines > most {
		t.Errorf("%d lines about refused requests, want 1 to %d", lines, most)
	}
}

// TestMonitorReports: a monitor gets a thousand reports in a second, and then no more.
func TestMonitorReports(t *testing.T) {
	var m monitors
	now := time.Unix(1000, 0)
	given := 0
	for range 3000 {
		if m.take(now, &m.reports, maxReports) {
			given++
		}
	}
	if given != maxReports || !m.take(now.Add(monitorSecond), &m.reports, maxReports) {
		t.Errorf("%d reports in a second", given)
	}
}
