package spreadtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"

	"github.com/spreadd/spreadd/wire"
)

// Daemon is a Spread daemon that exists only in this process. Any number of goroutines may call its
// methods.
type Daemon struct {
	name string
	ring *Ring

	// The fields below are guarded by ring.mu.

	changed  sync.Cond // of stalled, conns and waiting
	part     *part
	sessions map[wire.Name]*session
	made     int // number of private names chosen by the daemon
	conns    map[net.Conn]struct{}
	waiting  []request // with a delay
	closed   bool
	down     bool
	stalled  bool
	reject   wire.Code // 0: accept
	received int

	wg sync.WaitGroup
}

// New returns a running daemon with this name: 1 to 19 bytes from '$' to '~'. It panics on other
// names.
func New(name string) *Daemon { return NewRing(name).Daemons()[0] }

// Dial connects to the daemon and ignores the address. It is an argument for spread.WithDialer.
func (d *Daemon) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client, server := net.Pipe()
	if !d.serve(server) {
		_ = client.Close()
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("%s: %w", address, syscall.ECONNREFUSED)}
	}
	return client, nil
}

// Serve serves connections of a listener until the listener is closed, and returns the listener's
// error.
func (d *Daemon) Serve(l net.Listener) error {
	for {
		nc, err := l.Accept()
		if err != nil {
			return fmt.Errorf("spreadtest: %w", err)
		}
		d.serve(nc)
	}
}

// serve starts the goroutines of one connection. If the daemon is down, it closes the connection
// and reports false.
func (d *Daemon) serve(nc net.Conn) bool {
	d.ring.mu.Lock()
	defer d.ring.mu.Unlock()
	if d.closed || d.down {
		_ = nc.Close()
		return false
	}
	d.conns[nc] = struct{}{}
	d.wg.Go(func() {
		d.handle(nc)
		_ = nc.Close()
		d.ring.mu.Lock()
		defer d.ring.mu.Unlock()
		delete(d.conns, nc)
		d.changed.Broadcast()
	})
	return true
}

// Close ends all sessions and waits until all goroutines have ended.
func (d *Daemon) Close() {
	d.ring.mu.Lock()
	d.closed = true
	d.forget()
	d.closeAll()
	d.ring.mu.Unlock()
	d.wg.Wait()
}

// closeAll closes every connection. It needs ring.mu.
func (d *Daemon) closeAll() {
	d.stalled = false
	d.changed.Broadcast()
	for nc := range d.conns {
		_ = nc.Close()
	}
}

// SetDown takes the daemon and all its sessions down, or brings it up again. A daemon that is down
// refuses connections. Messages that clients had not read are lost, and those that the daemon had not
// sent to the others of its ring. These see that its clients have left with it.
func (d *Daemon) SetDown(down bool) {
	d.ring.mu.Lock()
	defer d.ring.mu.Unlock()
	if down && !d.down {
		d.forget()
		for _, s := range d.sessions {
			s.lost = true
		}
		d.part.time = d.ring.newPart().time
		d.ring.network(func() {
			for _, g := range d.ring.groups {
				g.members = slices.DeleteFunc(g.members, func(s *session) bool { return s.d == d })
			}
		})
	}
	if d.down = down; down {
		d.closeAll()
	}
	for d.down && len(d.conns) > 0 { // until their names are free
		d.changed.Wait()
	}
}

// SetStalled makes the daemon stop reading from its sessions, as a real one does when its ring
// accepts no more messages, or makes it read again.
func (d *Daemon) SetStalled(stalled bool) {
	d.ring.mu.Lock()
	defer d.ring.mu.Unlock()
	d.stalled = stalled
	d.changed.Broadcast()
}

// Reject makes the daemon reject connect requests with one of the codes -3 to -9. With 0 it accepts
// clients again.
func (d *Daemon) Reject(code int8) {
	d.ring.mu.Lock()
	defer d.ring.mu.Unlock()
	d.reject = wire.Code(code)
}

// Drop closes the connection of the session with this private name, as a daemon does with a client
// that is too slow. Messages that the client had not read are lost. Drop reports whether there was
// such a session.
func (d *Daemon) Drop(name string) bool {
	d.ring.mu.Lock()
	defer d.ring.mu.Unlock()
	group, err := wire.PrivateGroup(name, d.name)
	if err != nil {
		return false
	}
	s, ok := d.sessions[group]
	if ok {
		_ = s.nc.Close()
	}
	return ok
}

// Sessions returns the private names of all sessions, sorted.
func (d *Daemon) Sessions() []string {
	d.ring.mu.Lock()
	defer d.ring.mu.Unlock()
	var names []string
	for group := range d.sessions {
		private, _, _ := group.SplitPrivate()
		names = append(names, string(private))
	}
	slices.Sort(names)
	return names
}

// Members returns the private groups of the members of a group that the daemon knows, sorted.
func (d *Daemon) Members(name string) []string {
	d.ring.mu.Lock()
	defer d.ring.mu.Unlock()
	var names []string
	for _, s := range d.ring.members(wire.MakeName(name), d.part) {
		names = append(names, s.group.String())
	}
	return names
}

// Received returns the number of messages that clients have sent, without requests.
func (d *Daemon) Received() int {
	d.ring.mu.Lock()
	defer d.ring.mu.Unlock()
	return d.received
}

// byName orders sessions as membership messages list them.
func byName(a, b *session) int { return bytes.Compare(a.group[:], b.group[:]) }
