package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/spreadd/spreadd/daemon/poller"
)

// sendBuffer is the buffer size to request for the send socket, in bytes: what a relay sends in a
// whole round. Nobody checks what the kernel provides, because Send waits while the buffer is full.
const sendBuffer = 1 << 20

// Open opens the sockets of a daemon (ring-protocol §1) and starts to read them. An error of a
// socket is an [*OpenError].
func Open(cfg Config) (*Transport, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if cfg.Sealer != nil {
		if err := cfg.Sealer.node.Configure(cfg.Topology, cfg.ConfHash); err != nil {
			return nil, fmt.Errorf("transport: %w", err)
		}
	}
	t := &Transport{
		cfg:    cfg,
		data:   newQueue(dataBatches, false),
		tokens: newQueue(tokenBatches, true),
		done:   make(chan struct{}),
	}
	if err := t.open(); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	t.register()
	for _, s := range t.sockets {
		if in, ok := s.in.(*plainInput); ok {
			t.running.Go(in.run)
		}
	}
	t.prove()
	return t, nil
}

func (t *Transport) open() error {
	ifi, ifErr := interfaceOf(t.cfg.Addr)
	if ifErr != nil && t.cfg.Addr.Zone() != "" {
		ifi, ifErr = interfaceOf(t.cfg.Addr.WithZone(""))
	}
	if ifi != nil && t.cfg.Addr.Is6() {
		t.zone = ifi.Name
	}
	t.cfg.Addr = scoped(t.cfg.Addr, t.zone)
	gso, err := t.openSend(ifi)
	if err != nil {
		return err
	}
	j := joiner{cfg: &t.cfg, zone: t.zone, ifi: ifi, err: ifErr}
	for _, b := range t.cfg.plan() {
		if err := t.openReceive(b, &j); err != nil {
			return err
		}
	}
	if err := t.reportBuffers(); err != nil {
		return err
	}
	to := newDestinations(t.cfg.Topology, t.zone)
	if err := j.dropFrom(&to); err != nil {
		return err
	}
	t.sender = newSender(t.out, t.cfg.Topology, to, &t.count, t.cfg.Log)
	t.sender.gso, t.sender.sealer = gso, t.cfg.Sealer
	if m, ok := t.out.(interface {
		watchErrors(p *poller.Poller, v6 bool) (refuser, error)
	}); ok && t.cfg.Refused {
		if t.refuser, err = m.watchErrors(t.cfg.Poller, t.cfg.Addr.Is6()); err != nil {
			return &OpenError{Op: "have the kernel report refused datagrams on", Addr: t.local.String(), Err: err}
		}
		t.sender.dated = true
	}
	return nil
}

// register has the poller watch the sockets, those for tokens first. It checks them in this order,
// on which Readable relies.
func (t *Transport) register() {
	for _, token := range []bool{true, false} {
		for _, s := range t.sockets {
			if s.token == token {
				s.in.register()
			}
		}
	}
}

// openSend opens the send socket. It reports whether segmentation offload may be used.
func (t *Transport) openSend(ifi *net.Interface) (gso bool, err error) {
	conn, err := listenSend(t.cfg.Addr, ifi)
	if err != nil {
		return false, err
	}
	t.local = addrPort(conn)
	if t.cfg.portable {
		t.out = &plainWriter{UDPConn: conn}
		return false, nil
	}
	gso = t.cfg.GSO && hasGSO(conn)
	if t.out, err = newWriter(conn); err != nil {
		return false, &OpenError{Op: "take over the send socket on", Addr: t.local.String(), Err: err}
	}
	return gso, nil
}

func addrPort(c *net.UDPConn) netip.AddrPort {
	a, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	return a.AddrPort()
}

// listenSend binds the send socket. Receivers identify the daemon by its address.
func listenSend(addr netip.Addr, ifi *net.Interface) (*net.UDPConn, error) {
	conn, err := listen(bind{addr: addr}, 0)
	if err != nil {
		return nil, bindError("bind the send socket to", addr.String(), err)
	}
	// Package net sets SO_BROADCAST on all UDP sockets. A test checks that.
	if addr.Is4() {
		p := ipv4.NewPacketConn(conn)
		err = errors.Join(p.SetMulticastTTL(1), p.SetMulticastLoopback(true))
		if !sourceSelectsInterface && ifi != nil {
			err = errors.Join(err, p.SetMulticastInterface(ifi))
		}
	} else {
		p := ipv6.NewPacketConn(conn)
		err = errors.Join(p.SetMulticastHopLimit(1), p.SetMulticastLoopback(true))
	}
	if err != nil {
		return nil, errors.Join(&OpenError{Op: "set multicast options of the send socket", Addr: addr.String(), Err: err}, conn.Close())
	}
	_ = conn.SetWriteBuffer(sendBuffer)
	return conn, nil
}

// listen binds a UDP socket.
func listen(b bind, port uint16) (*net.UDPConn, error) {
	ap := netip.AddrPortFrom(b.addr, port)
	if b.addr.IsMulticast() {
		return listenMulticast(ap)
	}
	var lc net.ListenConfig
	if b.reuse {
		lc.Control = func(_, _ string, c syscall.RawConn) error {
			var err error
			return errors.Join(c.Control(func(fd uintptr) { err = reuseAddr(fd) }), err)
		}
	}
	pc, err := lc.ListenPacket(context.Background(), network(b.addr), ap.String())
	if err != nil {
		return nil, err
	}
	conn, ok := pc.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("got a %T, want a UDP socket", pc), pc.Close())
	}
	return conn, nil
}

func (t *Transport) openReceive(b bind, j *joiner) error {
	port := t.cfg.segment().Port
	op, q := "bind a data socket to", t.data
	if b.token {
		port = tokenPort(port)
		op, q = "bind a token socket to", t.tokens
	}
	b.addr = scoped(b.addr, t.zone)
	ap := netip.AddrPortFrom(b.addr, port)
	conn, err := listen(b, port)
	if err != nil {
		return bindError(op, ap.String(), err)
	}
	s := &socket{t: t, addr: addrPort(conn), token: b.token, queue: q}
	t.receiveBuffer, err = setReceiveBuffer(conn, t.cfg.ReceiveBuffer, t.receiveBuffer)
	if err != nil {
		return errors.Join(&OpenError{Op: "set the receive buffer of", Addr: ap.String(), Err: err}, conn.Close())
	}
	for _, g := range b.join {
		if err := j.join(conn, g); err != nil {
			return errors.Join(err, conn.Close())
		}
	}
	if slices.Contains(j.dropped, b.addr.WithZone("")) {
		return conn.Close() // Nothing can arrive here.
	}
	if t.cfg.portable {
		s.in = newPlainInput(s, conn)
	} else if s.in, err = newInput(s, conn); err != nil {
		return &OpenError{Op: op, Addr: ap.String(), Err: err}
	}
	t.sockets = append(t.sockets, s)
	return nil
}

// reportBuffers logs the size of the receive buffers, with a warning if the kernel provided less
// than requested.
func (t *Transport) reportBuffers() error {
	if len(t.sockets) == 0 {
		return errors.New("transport: no socket to receive on; check the interface list and the segment's addresses in spread.conf")
	}
	log := t.cfg.Log.With(slog.Int("requested", t.cfg.ReceiveBuffer), slog.Int("provided", t.receiveBuffer))
	if t.receiveBuffer > 0 && t.receiveBuffer < t.cfg.ReceiveBuffer {
		log.Warn("receive buffer too small, bursts may be lost; on Linux raise net.core.rmem_max with sysctl")
	} else {
		log.Debug("receive buffers")
	}
	return nil
}

// joiner joins multicast groups, and remembers those that it could not join.
type joiner struct {
	cfg     *Config
	zone    string
	ifi     *net.Interface // the one with the daemon's address, or nil
	err     error          // why ifi is nil
	dropped []netip.Addr   // without zones
}

func (j *joiner) join(conn *net.UDPConn, group netip.Addr) error {
	err := j.try(conn, scoped(group, j.zone))
	if err == nil {
		return nil
	}
	e := &OpenError{
		Op: fmt.Sprintf("join multicast group %v on", group), Addr: conn.LocalAddr().String(), Err: err,
		Hint: "check that the interface supports multicast, or set IgnoreMulticastJoinErrors to run without this address",
	}
	if !j.cfg.IgnoreMulticastJoinErrors {
		return e
	}
	if g := group.WithZone(""); !slices.Contains(j.dropped, g) {
		j.dropped = append(j.dropped, g)
		j.cfg.Log.Warn("running without a multicast address of the segment", slog.Any("error", e))
	}
	return nil
}

func (j *joiner) try(conn *net.UDPConn, group netip.Addr) error {
	g := &net.UDPAddr{IP: group.AsSlice()}
	if group.Is4() {
		if j.ifi == nil {
			return j.err
		}
		return ipv4.NewPacketConn(conn).JoinGroup(j.ifi, g)
	}
	ifi := j.ifi
	if group.Zone() != "" {
		if zi, err := interfaceOf(group); err == nil {
			ifi = zi
		}
	}
	if ifi == nil {
		return j.err
	}
	return ipv6.NewPacketConn(conn).JoinGroup(ifi, g)
}

// dropFrom removes the groups that could not be joined from the segment's addresses.
func (j *joiner) dropFrom(to *destinations) error {
	own := j.cfg.Topology.Daemon(j.cfg.Self).Segment
	kept := slices.DeleteFunc(to.segments[own], func(d *destination) bool {
		return slices.Contains(j.dropped, d.addr.AddrPort().Addr().WithZone(""))
	})
	to.segments[own] = kept
	if len(j.dropped) > 0 && len(kept) == 0 && len(j.cfg.segment().Daemons) > 1 {
		return fmt.Errorf("transport: cannot join any multicast group of the segment, which has %d daemons and no other address", len(j.cfg.segment().Daemons))
	}
	return nil
}

// interfaceOf returns the interface of an address's zone or, if it has none, the interface with the
// address.
func interfaceOf(addr netip.Addr) (*net.Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("cannot list the interfaces: %w", err)
	}
	for _, ifi := range all {
		if z := addr.Zone(); z != "" {
			if z == ifi.Name || z == fmt.Sprint(ifi.Index) {
				return &ifi, nil
			}
			continue
		}
		addrs, err := ifi.Addrs()
		if err != nil {
			continue // It is gone since it was listed.
		}
		for _, a := range addrs {
			p, err := netip.ParsePrefix(strings.Split(a.String(), "%")[0])
			if err != nil {
				continue
			}
			// Each address of 127.0.0.0/8 is local if lo has that prefix.
			if p.Addr() == addr || addr.IsLoopback() && p.Addr().IsLoopback() && p.Masked().Contains(addr) {
				return &ifi, nil
			}
		}
	}
	return nil, fmt.Errorf("no interface has the address %v", addr)
}

// close closes the transport. [Transport.Close] calls it once.
func (t *Transport) close() error {
	close(t.done)
	var err error
	if t.refuser != nil {
		t.refuser.ignore()
	}
	if t.out != nil {
		err = t.out.Close()
	}
	for _, s := range t.sockets {
		s.lost.Store(s.kernelDrops())
		err = errors.Join(err, s.in.stop())
	}
	t.running.Wait()
	for _, s := range t.sockets {
		s.in.close()
	}
	t.data.drain()
	t.tokens.drain()
	return err
}
