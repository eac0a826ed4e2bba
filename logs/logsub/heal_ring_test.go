package logsub

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"github.com/spreadd/spreadd/daemon/localring"
	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
	"github.com/spreadd/spreadd/wire"
)

// dialDaemon connects to a real daemon.
func dialDaemon(ctx context.Context, address, name string) (spread.Connection, error) {
	c, err := spread.Dial(ctx, address, spread.WithName(name), spread.WithMembership(true))
	if err != nil {
		return nil, err
	}
	return c, nil
}

// ringHost is the configuration of a log host with a daemon.
func ringHost(t *testing.T, d *localring.Daemon, dir string) Config {
	t.Helper()
	cfg := indexedHost(t, nil, dir)
	cfg.Dial, cfg.Host, cfg.Connections[0].Address = dialDaemon, d.Name, d.Address()
	return cfg
}

// split splits the network of daemons as a monitor does, or merges it, and waits until each daemon has
// so many members.
func split(t *testing.T, r *localringtest.Ring, daemons []*localring.Daemon, members int, components ...int16) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	port := netip.MustParseAddrPort(conn.LocalAddr().String()).Port()
	self := daemons[0].Config.Engine.Self
	p := wire.Packet{
		ByteOrder: wire.LittleEndian, Type: wire.PacketPartition, Transmitter: self, Proc: self, Seq: int32(port), ConfHash: r.Conf.Hash(),
		Body: wire.LittleEndian.AppendPartitionMap(nil, components),
	}
	for _, d := range daemons {
		to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), d.Config.Port)
		if _, err := conn.WriteToUDPAddrPort(p.Append(nil), to); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Wait(t, "the network is split or merged", func() bool {
		for _, d := range daemons {
			if len(d.Members()) != members {
				return false
			}
		}
		return true
	})
}

// TestHealSplit: the network is split in halves, each with a log host and a publisher. When it is whole
// again, each log host gets the lines of the other half, and both have the same files, except for where
// they are cut by size.
func TestHealSplit(t *testing.T) {
	ring := localringtest.New(t, "DangerousMonitor = true\n", "one", "two")
	daemons := ring.StartAll()
	var dirs [2]string
	var hosts [2]*Subscriber
	var pubs [2]*publisherOf
	for i, d := range daemons {
		dirs[i] = t.TempDir()
		hosts[i], _ = runHost(t, ringHost(t, d, dirs[i]))
		pubs[i] = newPublisherOf(t, dialDaemon, d.Address(), "web"+d.Name)
	}
	send := func(n int) {
		for _, p := range pubs {
			p.send(n)
		}
	}
	send(100)
	waitIdentical(t, 200, dirs[:]...)
	split(t, ring, daemons, 1, 0, 1)
	send(150)
	for _, dir := range dirs {
		waitIdentical(t, 350, dir)
	}
	split(t, ring, daemons, 2, 0, 0)
	waitSame(t, uncut, 500, dirs[:]...)
	for _, s := range hosts {
		testkit.Wait(t, "a log host has counted what it fetched", func() bool { return s.Stats().Heal.Lines >= 2*150 })
	}
	send(50)
	waitSame(t, uncut, 600, dirs[:]...)
}
