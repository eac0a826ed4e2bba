package integration

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spreadd/spreadd/spread"
)

// room is the group that all clients of a mixed ring share.
const room = "room"

// outstanding is how many of its messages a client sends before it has the first of
// them back. All clients together stay below the 1000 that a daemon keeps for one.
const outstanding = 40

// The numbers of a message decide on its service and its length.
var services = [...]spread.Service{spread.Unreliable, spread.Reliable, spread.FIFO, spread.Causal, spread.Agreed, spread.Safe}

// lengths, in bytes: many messages in a packet, exactly one packet, exactly two,
// one byte more, and long ones. 11 of them against 6 services gives each pair.
var lengths = [...]int{16, 100, 400, 1352, 1353, 5000, 2784, 90, 2785, 20000, 50}

// longest is how often a message is of the greatest length.
const longest = 500

// filling is what payloads are cut from.
var filling = func() []byte {
	b := make([]byte, spread.MaxPayload(1)+256)
	for i := range b {
		b[i] = byte(i*i>>4 + i)
	}
	return b
}()

const headLen = 12

// appendPayload writes message number seq of a sender.
func appendPayload(b []byte, id ident) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(id.sender))
	b = binary.BigEndian.AppendUint32(b, id.seq)
	n := lengths[id.seq%uint32(len(lengths))]
	if id.seq%longest == 0 {
		n = spread.MaxPayload(1)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	at := id.seq % 256
	return append(b, filling[at:int(at)+n-headLen]...)
}

func serviceOf(id ident) spread.Service { return services[id.seq%uint32(len(services))] }

// member is a client of a mixed ring that checks what it gets.
type member struct {
	*history
	self int // its place among the histories
	conn *spread.Conn
	free chan struct{} // one for each message that may be sent

	mu      sync.Mutex
	current *spread.Membership // the view it is in, nil after a signal
	err     error
	done    chan struct{} // closed when nothing more is received
}

// dialFrom connects from a host, as its local clients do.
func dialFrom(ns string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (c net.Conn, err error) {
		inside(ns, func() { c, err = new(net.Dialer).DialContext(ctx, network, address) }, &err)
		return c, err
	}
}

// inside runs f in a network namespace, in a thread that ends with it.
func inside(ns string, f func(), err *error) {
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread() // for good
		defer close(done)
		var file *os.File
		if file, *err = os.Open("/run/netns/" + ns); *err != nil {
			return
		}
		if *err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); *err == nil {
			f()
		}
		_ = file.Close() // only read
	}()
	<-done
}

// dial connects to the daemon of a host, which may have been started just now.
func (l *lab) dial(h *host, name string, opts ...spread.Option) *spread.Conn {
	l.t.Helper()
	var conn *spread.Conn
	opts = append(opts, spread.WithName(name), spread.WithMembership(true), spread.WithDialer(dialFrom(h.ns)))
	var err error
	l.await("a session at "+h.name, func() bool {
		ctx, cancel := context.WithTimeout(l.t.Context(), 5*time.Second)
		defer cancel()
		conn, err = spread.Dial(ctx, fmt.Sprintf("%d@%s", mixedPort, h.addr), opts...)
		return err == nil
	}, func() string { return fmt.Sprint(err) })
	return conn
}

// connect gives a host a client that is in the room.
func (l *lab) connect(h *host) {
	l.t.Helper()
	h.lives++
	conn := l.dial(h, fmt.Sprintf("m%d", h.lives))
	m := &member{
		history: &history{name: conn.PrivateGroup()}, self: len(l.members), conn: conn,
		free: make(chan struct{}, outstanding), done: make(chan struct{}),
	}
	for range outstanding {
		m.free <- struct{}{}
	}
	l.mu.Lock()
	l.members = append(l.members, m)
	l.mu.Unlock()
	h.member = m
	go m.receive(l)
	if err := conn.Join(l.t.Context(), room); err != nil {
		l.t.Fatalf("%s: %v", m.name, err)
	}
}

// receive records and checks all that arrives, until the connection ends.
func (m *member) receive(l *lab) {
	defer close(m.done)
	var buf spread.Message
	var want []byte
	for {
		ev, err := m.conn.ReceiveInto(context.Background(), &buf) // until the connection ends
		m.mu.Lock()
		if err == nil {
			switch ev := ev.(type) {
			case *spread.Message:
				want, err = m.message(l, ev, want)
			case *spread.Membership:
				m.current = nil
				if ev.Regular() {
					m.current = ev
				}
				m.marks = append(m.marks, mark{view: ev})
			default:
				err = fmt.Errorf("%s: unexpected %T", m.name, ev)
			}
		} else if m.ended {
			err = nil
			m.mu.Unlock()
			return
		}
		if err != nil {
			m.err = err
			m.mu.Unlock()
			return
		}
		m.mu.Unlock()
	}
}

// message checks a message to its last byte and records it.
func (m *member) message(l *lab, got *spread.Message, want []byte) ([]byte, error) {
	if len(got.Payload) < headLen {
		return want, fmt.Errorf("%s: message of %d bytes from %s", m.name, len(got.Payload), got.Sender)
	}
	id := ident{int(binary.BigEndian.Uint32(got.Payload)), binary.BigEndian.Uint32(got.Payload[4:])}
	sender := l.nameOf(id.sender)
	want = appendPayload(want[:0], id)
	if !bytes.Equal(got.Payload, want) {
		return want, fmt.Errorf("%s: message %v of %s has a payload of %d bytes which is not that of %d bytes that was sent", m.name, id, got.Sender, len(got.Payload), len(want))
	}
	if got.Sender != sender || got.Service != serviceOf(id) || got.Type != int16(id.seq) || !slices.Equal(got.Groups, []string{room}) {
		return want, fmt.Errorf("%s: message %v came as %v from %s, type %d, to %q", m.name, id, got.Service, got.Sender, got.Type, got.Groups)
	}
	m.marks = append(m.marks, mark{id: id, service: got.Service})
	if id.sender == m.self {
		m.free <- struct{}{}
	}
	return want, nil
}

// send sends n messages as fast as they come back.
func (m *member) send(t testing.TB, n int) {
	stop := make(chan struct{})
	m.sendUntil(t, stop, n, 0)
}

// sendUntil sends up to n messages, a pause after each, until stop is closed or the
// connection ends.
func (m *member) sendUntil(t testing.TB, stop <-chan struct{}, n int, pause time.Duration) {
	ctx := context.Background() // the connection's end ends it
	var b []byte
	for range n {
		select {
		case <-stop:
			return
		case <-m.done:
			return
		case <-m.free:
		}
		m.mu.Lock()
		m.sent++
		id := ident{m.self, m.sent}
		m.mu.Unlock()
		b = appendPayload(b[:0], id)
		if err := m.conn.Multicast(ctx, serviceOf(id), int16(id.seq), b, room); err != nil {
			m.mu.Lock()
			if !m.ended {
				t.Errorf("%s: %v", m.name, err)
			}
			m.mu.Unlock()
			return
		}
		if pause > 0 {
			select {
			case <-stop:
				return
			case <-time.After(pause):
			}
		}
	}
}

// end tells that the member is about to be cut off.
func (m *member) end() {
	m.mu.Lock()
	m.ended = true
	m.mu.Unlock()
}

// view returns the view that the member is in, or nil.
func (m *member) view() *spread.Membership {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current
}

// failure returns what went wrong.
func (m *member) failure() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}
