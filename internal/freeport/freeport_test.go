package freeport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"
)

// TestFind: ports keep apart, because each needs the one above it, and are below
// what systems hand out.
func TestFind(t *testing.T) {
	var taken []int
	for range 50 {
		p, err := Find(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if p < lowest || p >= 1<<15 {
			t.Errorf("port %d", p)
		}
		for _, other := range taken {
			if p >= other-1 && p <= other+1 {
				t.Errorf("port %d beside %d", p, other)
			}
		}
		taken = append(taken, p)
	}
}

// TestKept: a block is nobody else's while its user lives, and free afterwards.
func TestKept(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p, err := Find(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := reserve(t.Context(), p-1); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a kept block: %v", err)
	}
	cancel()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) { //house:sleep polls until the listener is closed
		err := reserve(t.Context(), p-1)
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a block that its user left: %v", err)
		}
	}
}

// TestProbe: whatever a daemon would use must be free, on any address.
func TestProbe(t *testing.T) {
	for _, tt := range []struct {
		network string
		above   int
	}{{"tcp4", 0}, {"udp4", 0}, {"udp4", 1}} {
		p, err := Find(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		at := fmt.Sprintf("127.0.0.1:%d", p+tt.above)
		var closer interface{ Close() error }
		if tt.network == "tcp4" {
			closer, err = net.Listen(tt.network, at)
		} else {
			closer, err = net.ListenPacket(tt.network, at)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := probe(t.Context(), p); err == nil {
			t.Errorf("port %d passes though %s is used", p, at)
		}
		if err := closer.Close(); err != nil {
			t.Fatal(err)
		}
		if err := probe(t.Context(), p); err != nil {
			t.Errorf("port %d does not pass: %v", p, err)
		}
	}
}
