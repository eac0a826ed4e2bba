//go:build !unix

package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// reuseAddr does nothing: outside of Unix the option lets another program take the port over.
func reuseAddr(uintptr) error { return nil }

// listenMulticast uses package net, which binds to the wildcard address.
func listenMulticast(ap netip.AddrPort) (*net.UDPConn, error) {
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(context.Background(), network(ap.Addr()), ap.String())
	if err != nil {
		return nil, err
	}
	conn, ok := pc.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("got a %T, want a UDP socket", pc), pc.Close())
	}
	return conn, nil
}
