package transport

import (
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"
)

// packetWriter writes datagrams. It has the form of golang.org/x/net, with one message type for
// both address families.
type packetWriter interface {
	// WriteBatch writes the first messages and returns how many. If it wrote none, it returns an
	// error, which is EAGAIN if the kernel's buffer is full.
	WriteBatch(ms []ipv4.Message) (int, error)
	// waitWritable waits until the kernel's buffer has space. After limit it returns
	// os.ErrDeadlineExceeded.
	waitWritable(limit time.Duration) error
}

// sendSocket is the socket from which the transport sends.
type sendSocket interface {
	packetWriter
	sendTo(to netip.AddrPort, datagram []byte) error
	Close() error
}

// plainWriter is the portable packetWriter: one copy and one system call for each datagram.
type plainWriter struct {
	*net.UDPConn
	buf []byte
}

// WriteBatch writes one message.
func (w *plainWriter) WriteBatch(ms []ipv4.Message) (int, error) {
	w.buf = w.buf[:0]
	for _, b := range ms[0].Buffers {
		w.buf = append(w.buf, b...)
	}
	to, ok := ms[0].Addr.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	if _, err := w.WriteToUDP(w.buf, to); err != nil {
		return 0, err
	}
	return 1, nil
}

// waitWritable does nothing: a write blocks by itself.
func (w *plainWriter) waitWritable(time.Duration) error { return nil }

func (w *plainWriter) sendTo(to netip.AddrPort, datagram []byte) error {
	_, err := w.WriteToUDPAddrPort(datagram, to)
	return err
}
