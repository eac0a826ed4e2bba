package daemon

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/freeport"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/wire"
)

// TestLateOwner: a daemon that runs its timers too late reads its sockets first. In this test
// another daemon of its segment has sent a datagram long before the time to listen is over, so this
// daemon must not become the representative of the segment.
func TestLateOwner(t *testing.T) {
	port, err := freeport.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	self, other := netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.AddrFrom4([4]byte{127, 0, 0, 2})
	top, err := topology.New([]topology.Segment{{Port: uint16(port), Addrs: []netip.Addr{self}, Daemons: []topology.Daemon{
		{ID: 5, Name: "first", Addr: other}, {ID: alphaID, Name: "alpha", Addr: self},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t, "alpha", alphaID)
	cfg.Engine = engine.Config{Topology: top, Self: alphaID, ConfHash: testHash}
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	peer, err := net.DialUDP("udp4", &net.UDPAddr{IP: other.AsSlice()}, &net.UDPAddr{IP: self.AsSlice(), Port: port})
	if err != nil {
		t.Skipf("%v: this host has no second loopback address", err)
	}
	defer func() { _ = peer.Close() }()
	d.owner.start = time.Now()
	d.owner.engine.Start(d.owner.moment(), 1000, &d.owner.out)
	d.owner.carryOut()
	alive := wire.Packet{
		Type: wire.PacketAlive, Transmitter: 5, Proc: 5, ConfHash: testHash, Body: wire.AppendMembers(nil, wire.LittleEndian, 0, 5),
	}
	if _, err := peer.Write(alive.Append(nil)); err != nil {
		t.Fatal(err)
	}
	testkit.Wait(t, "the time to listen to be over", func() bool {
		// The owner does not run meanwhile.
		return d.owner.engine.Deadline() != 0 && d.owner.moment() > clock.Time(membership.LAN().Seg+50*time.Millisecond)
	})
	d.owner.takeTimers()
	if s := d.owner.engine.Status().Membership; s != membership.StateRepresented {
		t.Errorf("state %v, want %v: what had arrived was not looked at", s, membership.StateRepresented)
	}
	d.owner.carryOut()
	if err := d.owner.ring.Close(); err != nil {
		t.Error(err)
	}
	if err := d.closeListeners(); err != nil {
		t.Error(err)
	}
	if err := d.poller.Close(); err != nil {
		t.Error(err)
	}
}
