package transport

import (
	"bytes"
	"errors"
	"net"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// Datagrams of one buffer and of two leave for the addresses that they have, up to the
// first that cannot; that one is an error when it is first. Nothing is allocated.
func TestWriter4(t *testing.T) {
	var conns [3]*net.UDPConn // the writer's and two peers'
	for i := range conns {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		conns[i] = c
	}
	w, err := newWriter4(conns[0])
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
	if n, err := w.WriteBatch(ms, dontWait); n != 3 || err != nil {
		t.Fatalf("wrote %d, %v, want 3", n, err)
	}
	if n, err := w.WriteBatch(ms[3:], dontWait); n != 0 || !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("wrote %d, %v, want EMSGSIZE", n, err)
	}
	if n, err := w.WriteBatch(ms[4:], 0); n != 1 || err != nil { // which may wait
		t.Errorf("wrote %d, %v, want 1", n, err)
	}
	b := make([]byte, 1<<16)
	for _, want := range []struct {
		peer int
		text string
	}{{1, "one"}, {1, ""}, {1, "last"}, {2, "two parts"}} {
		n, from, err := conns[want.peer].ReadFromUDP(b)
		if err != nil || string(b[:n]) != want.text || from.String() != conns[0].LocalAddr().String() {
			t.Errorf("peer %d got %q from %v, %v, want %q", want.peer, b[:n], from, err, want.text)
		}
	}
	full := []ipv4.Message{message(1, bytes.Repeat([]byte("x"), 40), make([]byte, 1000))}
	if n := testing.AllocsPerRun(100, func() { _, err = w.WriteBatch(full, dontWait) }); n != 0 || err != nil {
		t.Errorf("%v allocations a write, %v", n, err)
	}
	_ = conns[0].Close()
	if _, err := w.WriteBatch(full, dontWait); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
