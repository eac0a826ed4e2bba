//go:build !linux

package session

import (
	"net"
	"sync"
)

func newVectorWriter(conn net.Conn, _ *sync.Pool, blocked func(bool)) vectorWriter {
	return newPlainWriter(conn, blocked)
}
