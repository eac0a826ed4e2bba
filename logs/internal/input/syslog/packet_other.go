//go:build !unix

package syslog

import (
	"net"
	"time"
)

// packetSocket is a datagram socket.
type packetSocket struct {
	addr net.Addr
	c    net.PacketConn
}

// newPacketSocket takes over a connection.
func newPacketSocket(c net.PacketConn) (*packetSocket, error) {
	return &packetSocket{c.LocalAddr(), c}, nil
}

// read waits for a datagram; the error is os.ErrDeadlineExceeded when reading is over.
func (p *packetSocket) read(buf []byte) (int, error) {
	n, _, err := p.c.ReadFrom(buf)
	return n, err
}

// readNow reads nothing, so read returns everything.
func (p *packetSocket) readNow([]byte) (n int, ok bool) { return 0, false }

// over ends reading at a time.
func (p *packetSocket) over(at time.Time) { _ = p.c.SetReadDeadline(at) }

// drops are not known.
func (p *packetSocket) drops() (int64, bool) { return 0, false }

func (p *packetSocket) close() error { return p.c.Close() }

// growBuffer asks for room for a burst.
func growBuffer(c net.PacketConn) {
	if c, ok := c.(interface{ SetReadBuffer(bytes int) error }); ok {
		_ = c.SetReadBuffer(readBuffer) // the kernel's default will do
	}
}

// pause returns none: how many messages fit in is not known.
func (p *packetSocket) pause(string) time.Duration { return 0 }
