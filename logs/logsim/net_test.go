package logsim

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/spreadd/spreadd/spread"
)

// life is one process.
type life struct {
	h      *host
	cancel context.CancelFunc
	dead   atomic.Bool
	killed chan struct{} // closed when the disk has crashed
	once   sync.Once
	done   chan struct{} // closed when it has ended
	err    error         // then

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// conn is a connection of a process, which ends with it.
type conn struct {
	net.Conn
	l             *life
	local, remote net.Addr
	peer          *conn // of a connection between log hosts
}

// Read implements [net.Conn].
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.l.dead.Load() {
		return 0, net.ErrClosed
	}
	return n, err
}

// Write implements [net.Conn].
func (c *conn) Write(b []byte) (int, error) {
	if c.l.dead.Load() {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.l.mu.Lock()
	delete(c.l.conns, c)
	c.l.mu.Unlock()
	return c.Conn.Close()
}

// LocalAddr implements [net.Conn].
func (c *conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements [net.Conn].
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// own makes a connection end with the process. It closes it if the process has ended.
func (l *life) own(nc net.Conn, local, remote net.Addr) *conn {
	c := &conn{Conn: nc, l: l, local: local, remote: remote}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead.Load() {
		_ = nc.Close()
		return c
	}
	l.conns[c] = struct{}{}
	return c
}

// die cuts everything that others would notice.
func (l *life) die() {
	l.dead.Store(true)
	l.mu.Lock()
	conns := l.conns
	l.conns = make(map[net.Conn]struct{})
	l.mu.Unlock()
	for c := range conns {
		_ = c.(*conn).Conn.Close()
	}
	l.cancel()
}

// dial connects to the daemon of the host.
func (l *life) dial(ctx context.Context, address, name string) (spread.Connection, error) {
	dialer := func(ctx context.Context, network, address string) (net.Conn, error) {
		if l.dead.Load() {
			return nil, net.ErrClosed
		}
		nc, err := l.h.daemon.Dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return l.own(nc, l.h.address, l.h.address), nil
	}
	c, err := spread.Dial(ctx, address, spread.WithName(name), spread.WithMembership(true), spread.WithDialer(dialer))
	if err != nil {
		return nil, err
	}
	return l.h.w.plan.mutation.connection(l.h, c), nil
}

// listener is where a log host serves its files.
type listener struct {
	l      *life
	in     chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Accept implements [net.Listener].
func (s *listener) Accept() (net.Conn, error) {
	select {
	case c := <-s.in:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (s *listener) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

// Addr implements [net.Listener].
func (s *listener) Addr() net.Addr { return s.l.h.address }

// listen serves at the address of the host.
func (l *life) listen(string) (net.Listener, error) {
	s := &listener{l: l, in: make(chan net.Conn), closed: make(chan struct{})}
	l.h.w.mu.Lock()
	defer l.h.w.mu.Unlock()
	l.h.listener = s
	return s, nil
}

// dialPeer connects to another log host.
func (l *life) dialPeer(ctx context.Context, address string) (net.Conn, error) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("%s: %w", address, syscall.ECONNREFUSED)}
	w := l.h.w
	w.mu.Lock()
	i := slices.IndexFunc(w.hosts, func(h *host) bool { return h.address.String() == address })
	var to *host
	var s *listener
	if i >= 0 && w.side(l.h) == w.side(w.hosts[i]) {
		to, s = w.hosts[i], w.hosts[i].listener
	}
	w.mu.Unlock()
	if s == nil || s.l.dead.Load() || l.dead.Load() {
		return nil, refused
	}
	a, b := net.Pipe()
	mine, its := l.own(a, l.h.address, to.address), s.l.own(b, to.address, l.h.address)
	mine.peer, its.peer = its, mine
	select {
	case s.in <- its:
		return mine, nil
	case <-s.closed:
		_, _ = mine.Close(), its.Close()
		return nil, refused
	case <-ctx.Done():
		_, _ = mine.Close(), its.Close()
		return nil, ctx.Err()
	}
}

// side is on which side of a split network a host is. It needs w.mu.
func (w *world) side(h *host) int { return w.split >> h.index & 1 }

// setSplit splits the network; 0 makes it whole.
func (w *world) setSplit(bits int) {
	w.mu.Lock()
	w.split = bits
	w.mu.Unlock()
	var part []*host
	for _, h := range w.hosts {
		if bits>>h.index&1 == 1 {
			part = append(part, h)
		}
	}
	if len(part) == 0 {
		w.ring.Split()
	} else {
		w.ring.Split(daemonsOf(part))
	}
	// Connections between the sides end.
	for _, h := range w.hosts {
		l := h.life.Load()
		if l == nil {
			continue
		}
		l.mu.Lock()
		var cut []net.Conn
		for c := range l.conns {
			if c := c.(*conn); c.peer != nil && bits>>h.index&1 != bits>>c.peer.l.h.index&1 {
				cut = append(cut, c.Conn)
			}
		}
		l.mu.Unlock()
		for _, c := range cut {
			_ = c.Close()
		}
	}
}
