package sockdrops

import (
	"net"
	"runtime"
	"testing"
)

// TestCount: datagrams that nobody reads are counted, where the system counts.
func TestCount(t *testing.T) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	n, known := Count(c)
	if n != 0 || known != (runtime.GOOS == "linux") {
		t.Fatalf("a new socket has %d drops, known: %v", n, known)
	}
	to, err := net.Dial("udp4", c.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = to.Close() }()
	for range 100 {
		if _, err := to.Write(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	// On the loopback a datagram has arrived, or not, when Write returns.
	if n, known := Count(c); known && (n == 0 || n >= 100) {
		t.Errorf("%d drops of 100 datagrams in 4 KiB", n)
	}
	_ = c.Close()
	if n, known := Count(c); known {
		t.Errorf("a closed socket has %d drops", n)
	}
}
