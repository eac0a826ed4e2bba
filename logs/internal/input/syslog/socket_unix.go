//go:build unix && !linux

package syslog

import (
	"net"
	"time"
)

// growBuffer asks for room for a burst.
func growBuffer(c net.PacketConn) {
	if c, ok := c.(interface{ SetReadBuffer(bytes int) error }); ok {
		_ = c.SetReadBuffer(readBuffer) // the kernel's default will do
	}
}

// pause returns none: how many messages fit in is not known.
func (p *packetSocket) pause(string) time.Duration { return 0 }
