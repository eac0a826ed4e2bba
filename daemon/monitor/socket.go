package monitor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/internal/spreadconf"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

const (
	// DefaultPort is where monitors receive reports.
	DefaultPort = 6543
	// RepeatPartition is how often a partition has to be sent again: daemons end
	// it 60 s after the last time (monitor-protocol §5).
	RepeatPartition = 25 * time.Second
	// copies is how often a command is sent, because a datagram may get lost.
	copies = 2
	// maxReport is longer than a report, so that longer datagrams are recognized.
	maxReport = 2048
)

// Daemon is one that the monitor talks to.
type Daemon struct {
	Name    string
	ID      wire.DaemonID
	Addr    netip.AddrPort // its address, and the port of its segment
	Segment int            // counted from 0
}

// Socket is that of a monitor.
type Socket struct {
	conn    *net.UDPConn
	self    wire.DaemonID
	hash    uint32
	port    uint16
	daemons []Daemon
	ignored atomic.Int64
	sealing *sealing // nil without keys
	buf     []byte   // Receive's
}

// Config says who the monitor is and whom it asks.
type Config struct {
	// Self is the daemon whose identity the monitor uses. It need not run.
	Self wire.DaemonID
	// Addr is where reports come: an address of this host that is configured for Self, and a port,
	// 0 for any.
	Addr netip.AddrPort
	// Hash is that of the configuration.
	Hash uint32
	// Keys are the keys of the ring, nil for plain datagrams.
	Keys *seal.Keyring
	// Daemons are those of the configuration, in its order, which is that of partitions and
	// windows.
	Daemons []Daemon
}

// FromConf returns the monitor of a spread.conf with the identity of one of its daemons.
func FromConf(c *spreadconf.Config, self spreadconf.Self, port uint16) Config {
	cfg := Config{Self: wire.DaemonID(self.Daemon.ID), Addr: netip.AddrPortFrom(self.Addr, port), Hash: c.Hash()}
	for i := range c.Segments {
		s := &c.Segments[i]
		for _, d := range s.Daemons {
			cfg.Daemons = append(cfg.Daemons, Daemon{
				Name: d.Name, ID: wire.DaemonID(d.ID), Addr: netip.AddrPortFrom(d.Addr, s.Port), Segment: i,
			})
		}
	}
	return cfg
}

// FromTopology returns the monitor that a daemon is to the others.
func FromTopology(t *topology.Topology, hash uint32, self wire.DaemonID, addr netip.Addr) Config {
	cfg := Config{Self: self, Addr: netip.AddrPortFrom(addr, 0), Hash: hash}
	for _, d := range t.Daemons() {
		cfg.Daemons = append(cfg.Daemons, Daemon{
			Name: d.Name, ID: d.ID, Addr: netip.AddrPortFrom(d.Addr, t.Segments()[d.Segment].Port), Segment: d.Segment,
		})
	}
	return cfg
}

// Open binds the monitor's socket.
func Open(ctx context.Context, cfg Config) (*Socket, error) {
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(ctx, "udp", cfg.Addr.String())
	if err != nil {
		advice := ""
		if errors.Is(err, syscall.EADDRINUSE) {
			advice = "; another monitor uses it: choose another port with -p"
		}
		return nil, fmt.Errorf("cannot receive reports on %v: %w%s", cfg.Addr, err, advice)
	}
	conn, ok := pc.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("cannot receive reports on %v: not UDP", cfg.Addr), pc.Close())
	}
	local, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot receive reports on %v: %w", cfg.Addr, err), conn.Close())
	}
	s := &Socket{
		conn: conn, self: cfg.Self, hash: cfg.Hash, port: local.Port(),
		daemons: cfg.Daemons, buf: make([]byte, maxReport),
	}
	if cfg.Keys != nil {
		if s.sealing, err = newSealing(&cfg, s.port); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return s, nil
}

// Daemons lists the daemons of the configuration in its order. Others name a
// daemon by its place in the list.
func (c *Socket) Daemons() []Daemon { return c.daemons }

// All are the places of all daemons.
func (c *Socket) All() []int {
	all := make([]int, len(c.daemons))
	for i := range all {
		all[i] = i
	}
	return all
}

// Addr is where reports come.
func (c *Socket) Addr() net.Addr { return c.conn.LocalAddr() }

// Close closes the socket, and ends a Receive that waits.
func (c *Socket) Close() error { return c.conn.Close() }

// request returns a packet of the monitor (monitor-protocol §3).
func (c *Socket) request(kind wire.RingType, body []byte) []byte {
	p := wire.Packet{
		ByteOrder: wire.LittleEndian, Type: kind, Transmitter: c.self, Proc: c.self,
		Seq: int32(c.port), ConfHash: c.hash, Body: body,
	}
	return p.Append(nil)
}

// send sends a request to the daemons at these places. It continues after an error and returns all
// errors.
func (c *Socket) send(kind wire.RingType, body []byte, times int, daemons []int) error {
	b := c.request(kind, body)
	var errs []error
	for _, i := range daemons {
		d := &c.daemons[i]
		for range times {
			if err := c.write(b, d); err != nil {
				errs = append(errs, fmt.Errorf("cannot send to daemon %s at %v: %w", d.Name, d.Addr, err))
				break
			}
		}
	}
	return errors.Join(errs...)
}

// write sends a request to a daemon.
func (c *Socket) write(b []byte, d *Daemon) error {
	list := [][]byte{b}
	if c.sealing != nil {
		var err error
		if list, err = c.sealing.seal(d.ID, b); err != nil {
			return err
		}
	}
	for _, b := range list {
		if _, err := c.conn.WriteToUDPAddrPort(b, d.Addr); err != nil {
			return err
		}
	}
	return nil
}

// Query requests the status of the daemons at these places.
func (c *Socket) Query(daemons ...int) error {
	return c.send(wire.PacketStatus, nil, 1, daemons)
}

// Partition cuts the daemons off from each other: two hear each other if they
// have the same component, from 0 to 32767. Daemons end it by themselves after
// 60 s, so that it has to be repeated ([RepeatPartition]); one with zeros ends it
// at once.
func (c *Socket) Partition(components []int16) error {
	if err := c.checkComponents(components); err != nil {
		return err
	}
	return c.send(wire.PacketPartition, wire.LittleEndian.AppendPartitionMap(nil, components), copies, c.All())
}

// Kill ends the daemons at these places. components is the partition in force,
// which is sent to them as well; nil if there is none.
func (c *Socket) Kill(components []int16, daemons ...int) error {
	if components == nil {
		components = make([]int16, len(c.daemons))
	}
	if err := c.checkComponents(components); err != nil {
		return err
	}
	components = slices.Clone(components)
	for _, i := range daemons {
		components[i] = wire.KillComponent
	}
	return c.send(wire.PacketPartition, wire.LittleEndian.AppendPartitionMap(nil, components), copies, daemons)
}

func (c *Socket) checkComponents(components []int16) error {
	if len(components) != len(c.daemons) {
		return fmt.Errorf("partition of %d daemons: the configuration has %d", len(components), len(c.daemons))
	}
	for i, x := range components {
		if x < 0 {
			return fmt.Errorf("component %d for daemon %s: components are from 0 to 32767", x, c.daemons[i].Name)
		}
	}
	return nil
}

// errNoRoom means that the ring's window cannot be set in a configuration of 128
// daemons (monitor-protocol §6).
var errNoRoom = errors.New("the protocol cannot set the ring's window with 128 daemons")

// SetWindows sets the ring's window, and the personal and accelerated windows of
// each daemon, in packets; [wire.Unchanged] leaves one as it is.
func (c *Socket) SetWindows(window int16, daemons []wire.Windows) error {
	if len(daemons) != len(c.daemons) {
		return fmt.Errorf("windows of %d daemons: the configuration has %d", len(daemons), len(c.daemons))
	}
	if err := checkWindow("the ring's window", window, 1); err != nil {
		return err
	}
	for i, w := range daemons {
		err := errors.Join(
			checkWindow("the personal window of "+c.daemons[i].Name, w.Personal, 1),
			checkWindow("the accelerated window of "+c.daemons[i].Name, w.Accelerated, 0))
		if err != nil {
			return err
		}
	}
	if window != wire.Unchanged && len(daemons) >= spreadconf.MaxDaemons {
		return errNoRoom
	}
	return c.send(wire.PacketFlowControl, wire.LittleEndian.AppendFlowControl(nil, window, daemons), copies, c.All())
}

func checkWindow(what string, w, least int16) error {
	if w != wire.Unchanged && w < least {
		return fmt.Errorf("%s of %d: windows are from %d to 32767", what, w, least)
	}
	return nil
}

// Reload makes the daemons reload their file.
func (c *Socket) Reload() error {
	return c.send(wire.PacketReload, nil, copies, c.All())
}

// Report is the status that a daemon reports.
type Report struct {
	wire.Status
	// Daemon is the place of the daemon, or -1 if the report names one that is
	// not configured, or comes from elsewhere.
	Daemon int
	From   netip.AddrPort
	// Summary is nil for a plain report.
	Summary *wire.Summary
}

// Receive waits for the next report. It returns an error that is
// [net.ErrClosed] after Close. It is for one goroutine at a time.
func (c *Socket) Receive() (Report, error) {
	for {
		n, from, err := c.conn.ReadFromUDPAddrPort(c.buf)
		if err != nil {
			return Report{}, fmt.Errorf("cannot receive reports: %w", err)
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		var p wire.Packet
		r := Report{From: from}
		if p.Decode(c.open(from.Addr(), c.buf[:n])) != nil || p.Type != wire.PacketStatus || !r.decode(&p) {
			c.ignored.Add(1)
			continue
		}
		r.Daemon = slices.IndexFunc(c.daemons, func(d Daemon) bool {
			return d.ID == r.Self && d.Addr.Addr().WithZone("") == from.Addr().WithZone("")
		})
		return r, nil
	}
}

// decode reads a plain or an extended report.
func (r *Report) decode(p *wire.Packet) bool {
	if r.Status.Decode(p) == nil {
		return true
	}
	var s wire.Summary
	if s.Decode(p) != nil {
		return false
	}
	r.Status, r.Summary = s.Status, &s
	return true
}

// Summarize requests the extended status of a daemon, with daemons described from a rank on. The
// answer repeats the nonce; C daemons answer with their plain report.
func (c *Socket) Summarize(daemon, first int, nonce uint32) error {
	r := wire.SummaryRequest{First: uint16(first), Nonce: nonce}
	return c.send(wire.PacketStatus, r.Append(nil), 1, []int{daemon})
}

// Ignored returns the number of datagrams received that were not reports.
func (c *Socket) Ignored() int64 { return c.ignored.Load() }

// DaemonName is the name of the daemon with an id, or the id as a number.
func (c *Socket) DaemonName(id wire.DaemonID) string {
	if i := slices.IndexFunc(c.daemons, func(d Daemon) bool { return d.ID == id }); i >= 0 {
		return c.daemons[i].Name
	}
	return strconv.FormatInt(int64(int32(id)), 10)
}
