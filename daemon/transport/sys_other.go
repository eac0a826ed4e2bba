//go:build !linux

package transport

import "net"

const sourceSelectsInterface = false

// setReceiveBuffer asks for a receive buffer. What the kernel gave is not known.
func setReceiveBuffer(conn *net.UDPConn, want, _ int) (int, error) {
	for {
		// BSD systems refuse what is above their limit rather than cutting it.
		err := conn.SetReadBuffer(want)
		if err == nil || want <= smallestBuffer {
			return 0, err
		}
		want /= 2
	}
}

// smallestBuffer is where asking for less ends: what C daemons live with on
// Linux, in bytes.
const smallestBuffer = 208 << 10

func newWriter(conn *net.UDPConn) (sendSocket, error) { return &plainWriter{UDPConn: conn}, nil }

// segmentOption is for Linux only.
type segmentOption struct{}

func (*segmentOption) set(int) []byte { return nil }

func canSegment(*net.UDPConn) bool { return false }
