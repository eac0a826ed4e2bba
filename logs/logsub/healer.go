package logsub

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/spreadd/spreadd/logs/internal/peer"
)

// healer serves log files to other log hosts. It is the [peer.Handler].
type healer struct {
	s        *Subscriber
	logs     []*indexed
	listener net.Listener
	server   *peer.Server
	address  string // announced

	mu      sync.Mutex
	allowed map[netip.Addr]bool // who may read
}

// openHealer listens, if the configuration says so. Otherwise it returns nil.
func openHealer(s *Subscriber) (*healer, error) {
	cfg := &s.cfg
	if cfg.Heal.Listen == "" {
		return nil, nil
	}
	logs, err := indexedLogs(cfg)
	if err != nil {
		return nil, err
	}
	if len(logs) == 0 {
		cfg.Log.Warn("heal.listen has no effect: no log has envelope = \"index\"")
		return nil, nil
	}
	h := &healer{s: s, logs: logs, allowed: make(map[netip.Addr]bool)}
	if h.listener, err = net.Listen("tcp", cfg.Heal.Listen); err != nil {
		return nil, fmt.Errorf("logsub: cannot serve log files to other log hosts: %w", err)
	}
	h.address = announced(&cfg.Heal, h.listener.Addr())
	return h, nil
}

// announced is the address where others reach a listener.
func announced(h *Heal, at net.Addr) string {
	if h.Address != "" {
		return h.Address
	}
	_, port, err := net.SplitHostPort(at.String())
	host, _, herr := net.SplitHostPort(h.Listen)
	if err != nil || herr != nil {
		return at.String()
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		if host, err = os.Hostname(); err != nil {
			return at.String()
		}
	}
	return net.JoinHostPort(host, port)
}

// run serves until ctx ends.
func (h *healer) run(ctx context.Context) {
	h.server = peer.Serve(h.listener, peer.ServerConfig{Handler: h, Allow: h.allows, Rate: h.s.cfg.Heal.Rate})
	h.s.cfg.Log.Info("serving log files to other log hosts", slog.String("address", h.listener.Addr().String()), slog.String("announced", h.address))
	for _, address := range h.s.cfg.Heal.Peers {
		h.allow(ctx, address)
	}
	<-ctx.Done()
	_ = h.server.Close() // nothing is lost with it
}

// lookupTime bounds the lookup of the name of a log host.
const lookupTime = 5 * time.Second

// allow lets the host of an address read.
func (h *healer) allow(ctx context.Context, address string) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		h.s.cfg.Log.Warn("cannot find the address of a log host", slog.String("host", host), slog.Any("error", err))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, ip := range ips {
		h.allowed[ip.Unmap().WithZone("")] = true
	}
}

// allows reports whether an address may read: that of a known log host, or one of this host.
func (h *healer) allows(a net.Addr) bool {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return false
	}
	ip := ap.Addr().Unmap().WithZone("")
	h.mu.Lock()
	known := h.allowed[ip]
	h.mu.Unlock()
	return known || ip.IsLoopback() || isOwn(ip)
}

// isOwn reports whether an address is one of this host.
func isOwn(ip netip.Addr) bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok {
			if own, ok := netip.AddrFromSlice(n.IP); ok && own.Unmap() == ip {
				return true
			}
		}
	}
	return false
}

// Logs implements [peer.Handler].
func (h *healer) Logs() []peer.Served {
	list := make([]peer.Served, len(h.logs))
	for i, x := range h.logs {
		list[i] = x.served
	}
	return list
}

// Ready implements [peer.Handler].
func (h *healer) Ready(context.Context, *peer.Ready) error { return nil }

// Invite implements [peer.Handler].
func (h *healer) Invite(string) {}
