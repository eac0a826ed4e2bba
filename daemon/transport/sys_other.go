//go:build !linux

package transport

import "net"

const sourceSelectsInterface = false

// setReceiveBuffer requests a receive buffer. It returns 0: the size that the kernel provided is
// not known.
func setReceiveBuffer(conn *net.UDPConn, want, _ int) (int, error) {
	for {
		// BSD systems refuse a size above their limit instead of reducing it.
		err := conn.SetReadBuffer(want)
		if err == nil || want <= smallestBuffer {
			return 0, err
		}
		want /= 2
	}
}

// smallestBuffer is the last size to request, in bytes: what C daemons use on Linux.
const smallestBuffer = 208 << 10

func newWriter(conn *net.UDPConn) (sendSocket, error) { return &plainWriter{UDPConn: conn}, nil }

// gsoOption is for Linux only.
type gsoOption struct{}

func (*gsoOption) set(int) []byte { return nil }

func hasGSO(*net.UDPConn) bool { return false }
