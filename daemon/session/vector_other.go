//go:build !linux

package session

import "net"

func newVectorWriter(conn net.Conn, blocked func(bool)) vectorWriter {
	return newPlainWriter(conn, blocked)
}
