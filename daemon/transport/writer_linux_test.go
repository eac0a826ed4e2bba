package transport

import (
	"bytes"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/testkit/testskip"
)

// Datagrams of one buffer and of two leave for their addresses, up to the first that cannot. That
// one is an error when it is the first of the list. Nothing is allocated.
func TestWriter(t *testing.T) {
	for network, ip := range map[string]net.IP{"udp4": net.IPv4(127, 0, 0, 1), "udp6": net.IPv6loopback} {
		t.Run(network, func(t *testing.T) {
			if c, err := net.ListenUDP(network, &net.UDPAddr{IP: ip}); err != nil {
				testskip.Skip(t, "there is no address "+ip.String()+": sysctl net.ipv6.conf.lo.disable_ipv6=0")
			} else {
				_ = c.Close()
			}
			testWriter(t, network, ip)
		})
	}
}

func testWriter(t *testing.T, network string, ip net.IP) {
	t.Helper()
	var conns [3]*net.UDPConn // the writer's and two peers'
	for i := range conns {
		c, err := net.ListenUDP(network, &net.UDPAddr{IP: ip})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if err := c.SetReadDeadline(time.Now().Add(testkit.Patience)); err != nil {
			t.Fatal(err)
		}
		conns[i] = c
	}
	local := conns[0].LocalAddr().String()
	w, err := newWriter(conns[0])
	if err != nil {
		t.Fatal(err)
	}
	message := func(peer int, b ...[]byte) ipv4.Message {
		return ipv4.Message{Buffers: b, Addr: conns[peer].LocalAddr()}
	}
	tooLong := make([]byte, 1<<16)
	ms := []ipv4.Message{
		message(1, []byte("one")), message(2, []byte("two"), []byte(" parts")), message(1, []byte{}), message(2, tooLong), message(1, []byte("last")),
	}
	if n, err := w.WriteBatch(ms); n != 3 || err != nil {
		t.Fatalf("wrote %d, %v, want 3", n, err)
	}
	if n, err := w.WriteBatch(ms[3:]); n != 0 || !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("wrote %d, %v, want EMSGSIZE", n, err)
	}
	if n, err := w.WriteBatch(ms[4:]); n != 1 || err != nil {
		t.Errorf("wrote %d, %v, want 1", n, err)
	}
	if err := w.sendTo(addrPort(conns[1]), []byte("beside")); err != nil {
		t.Error(err)
	}
	b := make([]byte, 1<<16)
	for _, want := range []struct {
		peer int
		text string
	}{{1, "one"}, {1, ""}, {1, "last"}, {1, "beside"}, {2, "two parts"}} {
		n, from, err := conns[want.peer].ReadFromUDP(b)
		if err != nil || string(b[:n]) != want.text || from.String() != local {
			t.Errorf("peer %d got %q from %v, %v, want %q", want.peer, b[:n], from, err, want.text)
		}
	}
	full := []ipv4.Message{message(1, bytes.Repeat([]byte("x"), 40), make([]byte, 1000))}
	if n := testing.AllocsPerRun(100, func() { _, err = w.WriteBatch(full) }); n != 0 || err != nil {
		t.Errorf("%v allocations a write, %v", n, err)
	}
	if err := w.waitWritable(10 * time.Second); err != nil {
		t.Errorf("waiting for room that there is: %v", err)
	}
	_ = w.Close()
	if _, err := w.WriteBatch(full); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := w.sendTo(addrPort(conns[1]), nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// A wait for the kernel ends. The test uses a pipe that nobody reads, which can be filled reliably.
func TestWaitWritable(t *testing.T) {
	r, p, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = r.Close(), p.Close() }()
	if err := p.SetWriteDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = p.Write(make([]byte, 4096))
	}
	raw, err := p.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	w := &mmsgWriter{socket: &descriptor{raw: raw}}
	if err := raw.Control(func(fd uintptr) { w.socket.fd = int(fd) }); err != nil {
		t.Fatal(err)
	}
	if err := w.waitWritable(10 * time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("waited for a full pipe: %v", err)
	}
}

// A zone is an interface's name or its number.
func TestScope(t *testing.T) {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		testskip.Skip(t, "there is no interface lo")
	}
	w := &mmsgWriter{zones: make(map[string]uint32)}
	for zone, want := range map[string]uint32{"": 0, "lo": uint32(lo.Index), "77": 77, "no such interface": 0} {
		for range 2 {
			if n := w.scope(zone); n != want {
				t.Errorf("zone %q is %d, want %d", zone, n, want)
			}
		}
	}
}
