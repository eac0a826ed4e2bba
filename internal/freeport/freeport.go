package freeport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// attempts bounds how many ports are looked at.
const attempts = 100

// Find returns a port of 127.0.0.1 that is free for clients (TCP), for data (UDP) and, one above, for
// tokens, and is no neighbour of those taken (ring-protocol §1).
func Find(ctx context.Context, taken []int) (int, error) {
	var last error
	for range attempts {
		port, err := probe(ctx)
		if err == nil && slices.ContainsFunc(taken, func(t int) bool { return port >= t-1 && port <= t+1 }) {
			err = fmt.Errorf("port %d is beside one that is taken", port)
		}
		if err == nil {
			return port, nil
		}
		last = err
	}
	return 0, fmt.Errorf("no free port among %d, the last: %w", attempts, last)
}

func probe(ctx context.Context) (port int, err error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	a, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil {
		return 0, err
	}
	port = int(a.Port())
	for _, p := range []int{port, port + 1} {
		c, err := lc.ListenPacket(ctx, "udp4", fmt.Sprintf("127.0.0.1:%d", p))
		if err != nil {
			return 0, err
		}
		if err := c.Close(); err != nil {
			return 0, err
		}
	}
	return port, nil
}
