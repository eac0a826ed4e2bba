package logsub

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread/spreadtest"
)

// slowConn is a connection from which little comes at a time.
type slowConn struct {
	net.Conn
	slow *atomic.Bool
}

func (c slowConn) Read(b []byte) (int, error) {
	if c.slow.Load() {
		time.Sleep(20 * time.Millisecond) //house:sleep the network is slow
		b = b[:min(len(b), 64)]
	}
	return c.Conn.Read(b)
}

// TestHealSlow: a log host that sends its files slowly does not hold up the lines that are received meanwhile. What it has not sent by
// then is fetched later.
func TestHealSlow(t *testing.T) {
	d := spreadtest.New("h1")
	t.Cleanup(d.Close)
	first, second := t.TempDir(), t.TempDir()
	runHost(t, orderedHost(t, d, first, "one"))
	p := newPublisherOf(t, dialer(d), "4803", "web")
	p.send(1000)
	waitSame(t, uncut, 1000, first)
	var slow atomic.Bool
	slow.Store(true)
	cfg := orderedHost(t, d, second, "two")
	cfg.HealDial = func(ctx context.Context, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		return slowConn{c, &slow}, nil
	}
	s, _ := runHost(t, cfg, func(s *Subscriber) { s.healer.holdFirst = 100 * time.Millisecond })
	p.send(50)
	testkit.Wait(t, "the lines that are received", func() bool {
		b, err := os.ReadFile(filepath.Join(second, "all"))
		return err == nil && strings.Contains(string(b), fmt.Sprintf("GET /%d\n", p.next-1))
	})
	if n := s.Stats().Heal.Failures["slow"]; n == 0 {
		t.Error("the writer has waited for all lines")
	}
	slow.Store(false)
	waitSame(t, uncut, 1050, first, second)
}
