//go:build !linux

package transport

import "net"

func newInput(s *socket, conn *net.UDPConn) (input, error) { return newPlainInput(s, conn), nil }
