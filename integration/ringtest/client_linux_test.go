package ringtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/spread"
)

const (
	// period is the time between two messages of a client. window bounds its messages in flight, so
	// that a client does not send while its ring does not deliver.
	period = 3 * time.Millisecond
	window = 30
)

// services are the services of messages, in turn.
var services = []spread.Service{
	spread.Agreed, spread.Safe, spread.FIFO, spread.Agreed, spread.Causal, spread.Reliable, spread.Agreed, spread.Safe, spread.Unreliable,
}

// client is a member of the group, connected to the daemon of its host.
type client struct {
	t    testing.TB
	conn *spread.Conn

	mu        sync.Mutex
	rec       record
	came      int // own messages that were delivered
	settle    bool
	ending    bool
	violation []string

	fast     atomic.Bool   // whether to send as fast as its own messages are delivered
	joined   chan struct{} // closed at the first view
	stop     chan struct{} // closed to stop sending
	sent     chan struct{} // closed when it has stopped sending
	received chan struct{} // closed when the connection has ended
}

// dial connects from a host.
func (h *host) dial(ctx context.Context, netw, addr string) (nc net.Conn, err error) {
	h.Do(func() { nc, err = new(net.Dialer).DialContext(ctx, netw, addr) })
	return nc, err
}

// newClient connects to a host's daemon, as soon as that accepts clients, and joins the group.
func newClient(t testing.TB, h *host, addr netip.Addr, id string) *client {
	t.Helper()
	c := &client{t: t, joined: make(chan struct{}), stop: make(chan struct{}), sent: make(chan struct{}), received: make(chan struct{})}
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	name := fmt.Sprintf("c%d", h.number)
	testkit.Wait(t, "a daemon that accepts "+id, func() bool {
		var err error
		c.conn, err = spread.Dial(ctx, fmt.Sprintf("4803@%v", addr), spread.WithName(name), spread.WithMembership(true), spread.WithDialer(h.dial))
		return err == nil
	})
	c.rec = record{id: id, name: c.conn.PrivateGroup()}
	if err := c.conn.Join(ctx, group); err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	go c.send()
	go c.receive()
	t.Cleanup(func() {
		c.conn.Kill()
		<-c.sent
		<-c.received
	})
	return c
}

// send sends messages of all services and of sizes up to a few packets, until stop is closed or the
// connection ends.
func (c *client) send() {
	defer close(c.sent)
	select {
	case <-c.joined: // Otherwise a reliable message could overtake the join.
	case <-c.stop:
		return
	case <-c.received:
		return
	}
	tick := time.NewTicker(period)
	defer tick.Stop()
	always := make(chan struct{})
	close(always)
	free := true
	var b []byte
	for {
		var now chan struct{}
		if free && c.fast.Load() {
			now = always
		}
		select {
		case <-now:
		case <-tick.C:
		case <-c.stop:
			return
		case <-c.received:
			return
		}
		c.mu.Lock()
		free = c.rec.sent-c.came < window
		if free {
			c.rec.sent++
			if c.settle && c.rec.settled == 0 {
				c.rec.settled = c.rec.sent
			}
		}
		n := c.rec.sent
		c.mu.Unlock()
		if !free {
			continue
		}
		service := services[n%len(services)]
		b = payload(b[:0], c.rec.id, n)
		// The window bounds the messages in flight, so this waits for nobody but the daemon.
		if err := c.conn.Multicast(c.t.Context(), service, 7, b, group); err != nil {
			return // receive reports why.
		}
	}
}

// edges are payload lengths that fill one or two packets exactly, and those with one byte more or
// less.
var edges = []int{1351, 1352, 1353, 2783, 2784, 2785}

// payload appends the payload of a message: sender, number, and bytes that depend on them.
func payload(b []byte, id string, n int) []byte {
	rnd := rand.New(rand.NewPCG(uint64(n), uint64(len(id))))
	size := rnd.IntN(300)
	head := 1 + len(id) + 4
	switch {
	case n%500 == 0:
		size = spread.MaxPayload(1) - head
	case n%20 == 0:
		size = rnd.IntN(10_000)
	case n%7 == 0:
		size = edges[n/7%len(edges)] - head
	}
	b = append(b, byte(len(id)))
	b = append(b, id...)
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	for i := range size {
		b = append(b, byte(n+i))
	}
	return b
}

// parse returns sender and number of a payload, and whether it is intact.
func parse(b []byte) (id string, n int, ok bool) {
	if len(b) < 1 || len(b) < 1+int(b[0])+4 {
		return "", 0, false
	}
	id = string(b[1 : 1+b[0]])
	n = int(binary.LittleEndian.Uint32(b[1+b[0]:]))
	return id, n, bytes.Equal(b, payload(nil, id, n))
}

// receive records events until the connection ends.
func (c *client) receive() {
	defer close(c.received)
	for {
		e, err := c.conn.Receive(context.Background())
		if err != nil {
			c.mu.Lock()
			if !c.ending {
				c.violation = append(c.violation, fmt.Sprintf("the connection of %s ends: %v", c.rec.id, err))
			}
			c.mu.Unlock()
			return
		}
		c.mu.Lock()
		c.take(e)
		c.mu.Unlock()
	}
}

// take records an event. The caller holds the lock.
func (c *client) take(e spread.Event) {
	switch e := e.(type) {
	case *spread.Message:
		id, n, ok := parse(e.Payload)
		if !ok || e.Type != 7 || !slices.Equal(e.Groups, []string{group}) || e.Service != services[n%len(services)] {
			c.violation = append(c.violation, fmt.Sprintf("%s received a message that nobody sent: %v %q type %d %d bytes", c.rec.id, e.Service, e.Groups, e.Type, len(e.Payload)))
			return
		}
		c.rec.events = append(c.rec.events, event{message: message{id, n, e.Service}})
		if id == c.rec.id {
			c.came++
		}
	case *spread.Membership:
		if len(c.rec.events) == 0 {
			close(c.joined)
		}
		c.rec.events = append(c.rec.events, event{membership: e})
	default:
		c.violation = append(c.violation, fmt.Sprintf("%s got a %T", c.rec.id, e))
	}
}

// members returns the members of the client's current view.
func (c *client) members() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range slices.Backward(c.rec.events) {
		if e.membership != nil && e.membership.Regular() {
			return e.membership.Members
		}
	}
	return nil
}

// progress returns the number of the client's own messages that were delivered to it.
func (c *client) progress() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.came
}

// settled returns how many messages the client has received from each sender, from the given number
// on.
func (c *client) settled(from map[string]int) map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]int)
	for _, e := range c.rec.events {
		if first, ok := from[e.from]; ok && e.membership == nil && e.n >= first {
			all[e.from]++
		}
	}
	return all
}
