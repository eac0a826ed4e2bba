package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/spreadd/spreadd/daemon/poller"
	"github.com/spreadd/spreadd/daemon/transport"
)

// clientListener is a socket for clients.
type clientListener struct {
	net.Listener
	secure *tls.Config // of clients that speak TLS, or nil
}

// Listen binds the sockets for clients and for the ring. It may be called once, before Run.
func (d *Daemon) Listen(ctx context.Context) error {
	var err error
	if d.poller, err = poller.New(); err != nil {
		return fmt.Errorf("cannot create the poller: %w", err)
	}
	if err = d.listenClients(ctx); err == nil {
		if err = d.owner.openRing(); err != nil {
			err = errors.Join(err, d.closeListeners())
		}
	}
	if err != nil {
		return errors.Join(err, d.poller.Close())
	}
	d.owner.resume()
	return nil
}

// listenAdvice says what to do about the error of a bind.
func listenAdvice(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "; is another daemon running?"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return "; ports below 1024 need privileges: use a higher port, or give the program CAP_NET_BIND_SERVICE"
	default:
		return ""
	}
}

func (d *Daemon) listenClients(ctx context.Context) error {
	cfg := &d.owner.cfg
	var lc net.ListenConfig // It sets SO_REUSEADDR, so a restarted daemon can bind at once.
	for _, a := range cfg.Listen {
		l, err := lc.Listen(ctx, listenNetwork(a, cfg.Listen), a.String())
		if err != nil {
			return errors.Join(fmt.Errorf("cannot listen for clients on %v: %w%s", a, err, listenAdvice(err)), d.closeListeners())
		}
		d.listeners = append(d.listeners, clientListener{Listener: l})
	}
	for _, a := range cfg.TLSListen {
		l, err := lc.Listen(ctx, "tcp", a)
		if err != nil {
			return errors.Join(fmt.Errorf("cannot listen for TLS clients on %v: %w; change listen of [tls]", a, err), d.closeListeners())
		}
		d.listeners = append(d.listeners, clientListener{l, cfg.TLS})
	}
	port := int(cfg.Port)
	if port == 0 {
		port = int(d.clientPort())
	}
	name := strconv.Itoa(port)
	if cfg.SocketDir != "" {
		if err := d.listenUnix(ctx, filepath.Join(cfg.SocketDir, name)); err != nil {
			return errors.Join(err, d.closeListeners())
		}
	}
	if cfg.RunDir != "" {
		if err := d.listenUnix(ctx, filepath.Join(cfg.RunDir, name+".sock")); err != nil {
			d.log.Info("clients whose /tmp is their own need TCP: there is no second UNIX socket", slog.Any("error", err))
		}
	}
	return nil
}

func (d *Daemon) listenUnix(ctx context.Context, path string) error {
	l, file, err := d.owner.cfg.listenUnix(ctx, path)
	if err == nil {
		d.listeners, d.sockets = append(d.listeners, clientListener{Listener: l}), append(d.sockets, file)
	}
	return err
}

// listenNetwork returns the network of a listener among others. The wildcard address of IPv6 also
// takes IPv4 clients, as in C daemons, unless another address takes these.
func listenNetwork(a netip.AddrPort, all []netip.AddrPort) string {
	if a.Addr().Is4() {
		return "tcp4" // With "tcp" the wildcard address would be that of both families.
	}
	other4 := slices.ContainsFunc(all, func(o netip.AddrPort) bool { return o.Addr().Is4() && o.Port() == a.Port() })
	if a.Addr().WithZone("") == netip.IPv6Unspecified() && !other4 {
		return "tcp"
	}
	return "tcp6"
}

// clientPort returns the port of the first TCP listener.
func (s *shared) clientPort() uint16 {
	a, err := netip.ParseAddrPort(s.listeners[0].Addr().String())
	if err != nil {
		return 0 // It is not a TCP listener, which New has refused.
	}
	return a.Port()
}

func (s *shared) closeListeners() error {
	var err error
	for _, l := range s.listeners {
		err = errors.Join(err, l.Close())
	}
	s.removeSockets()
	return err
}

func (s *shared) removeSockets() {
	for _, f := range s.sockets {
		f.remove(s.log)
	}
}

// openRing opens the sockets of the ring, for other daemons and for monitors. A daemon without an
// address in its topology opens none; only tests have one.
func (o *owner) openRing() error {
	top := o.cfg.Engine.Topology
	if !top.Daemon(o.cfg.Engine.Self).Addr.IsValid() {
		return nil
	}
	cfg := o.cfg.Ring
	cfg.Topology, cfg.Self, cfg.Pool, cfg.Poller, cfg.Log = top, o.cfg.Engine.Self, &o.pool, o.poller, o.log
	var err error
	if o.sealer == nil {
		if o.sealer, err = transport.NewSealer(cfg.Self, o.cfg.RingKeys, o.log); err != nil {
			return err
		}
		o.engine.SetOverhead(o.sealer.Overhead())
	}
	cfg.Sealer, cfg.ConfHash = o.sealer, o.cfg.Engine.ConfHash
	o.ring, err = transport.Open(cfg)
	return err
}

// serve starts to accept clients. What they send waits for the first membership, as it does while a
// membership changes.
func (s *shared) serve() {
	for _, l := range s.listeners {
		s.serving.Go(func() {
			if err := s.sessions.ServeTLS(l.Listener, l.secure); err != nil {
				s.failed <- err
				s.wake()
			}
		})
	}
}
