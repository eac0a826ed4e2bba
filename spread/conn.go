package spread

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/spreadd/spreadd/wire"
)

const (
	// closeTimeout bounds how long Close waits for the kernel to take accepted messages. A daemon
	// that does not read for so long is in trouble. Callers that want to wait longer call Flush
	// first.
	closeTimeout = 5 * time.Second
	// partingTimeout bounds how long Close then waits for the daemon to close its side. That takes
	// a rotation of the ring's token, milliseconds, unless daemons are just forming a ring.
	partingTimeout = time.Second
)

// Version is the version of a daemon or library.
type Version struct{ Major, Minor, Patch uint8 }

// String returns the version as "5.0.1".
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// LibraryVersion returns the version that this library reports to daemons: that of the C release
// whose protocol it speaks.
func LibraryVersion() Version { return Version(wire.OurVersion) }

// Conn is a connection to a daemon. When it fails, it stays failed; see [Client] for one that
// reconnects. Any number of goroutines may call its methods.
type Conn struct {
	nc      net.Conn
	self    wire.Name
	group   string // self as text
	version Version
	out     *sender
	in      *receiver
}

// PrivateGroup returns the name of this connection, "#name#daemon". Others can send to it, and
// groups list it as a member under this name.
func (c *Conn) PrivateGroup() string { return c.group }

// DaemonVersion returns the version that the daemon reported.
func (c *Conn) DaemonVersion() Version { return c.version }

// Join asks to become a member of a group. The name has 1 to 31 bytes from '$' to '~', otherwise
// the error is ErrIllegalGroup. Join returns when the request is accepted for sending, under the
// rules of [Conn.Multicast]. The daemon does not answer; with [WithMembership] the group's next
// [*Membership] shows the result. Joining a group twice does nothing.
func (c *Conn) Join(ctx context.Context, group string) error {
	return c.request(ctx, "join", wire.Join, group)
}

// Leave asks to leave a group, under the rules of [Conn.Join]. With [WithMembership] a
// [*Membership] of cause [SelfLeave] follows. Leaving a group without being a member does nothing.
func (c *Conn) Leave(ctx context.Context, group string) error {
	return c.request(ctx, "leave", wire.Leave, group)
}

func (c *Conn) request(ctx context.Context, op string, t wire.Type, group string) error {
	if err := CheckGroup(group); err != nil {
		return &Error{Op: op, Target: group, Code: ErrIllegalGroup, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return &Error{Op: op, Target: group, Err: err}
	}
	const size = wire.HeaderLen + wire.NameLen
	err := c.out.add(ctx, size, func(b []byte) []byte { return c.appendRequest(b, t, wire.MakeName(group)) })
	return opError(op, group, err)
}

func (c *Conn) appendRequest(b []byte, t wire.Type, group wire.Name) []byte {
	h := wire.Header{Type: t, Sender: c.self, NumGroups: 1, Hint: wire.MakeHint(0)}
	return append(h.Append(b), group[:]...)
}

// Multicast sends payload to groups. Each is the name of a group or the private group of a
// connection. The sender need not be a member. A receiver that is addressed several times gets one
// copy, and names that nobody has are skipped silently. messType is for the application.
//
// Multicast returns when the message is accepted for sending, which says nothing about its
// delivery. payload may then be reused. Multicast waits while the send buffer ([WithSendBuffer]) is
// full. If ctx ends meanwhile, nothing of the message was sent and the connection stays good. The
// call after a failed write returns ErrConnectionClosed. Messages that were accepted and not
// flushed may then be lost.
//
// Other errors are ErrIllegalService if service is not exactly one service, with or without
// SelfDiscard; ErrIllegalGroup if there are more than 100 groups, or one is empty, longer than 31
// bytes or contains a NUL; ErrMessageTooLong above [MaxPayload]; ErrIllegalSession after Close; and
// ErrNetErrorOnSession after a failure that was reported before.
func (c *Conn) Multicast(ctx context.Context, service Service, messType int16, payload []byte, groups ...string) error {
	if err := checkMulticast(service, len(payload), groups); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return &Error{Op: opMulticast, Err: err}
	}
	size := wire.HeaderLen + wire.NameLen*len(groups) + len(payload)
	err := c.out.add(ctx, size, func(b []byte) []byte {
		h := wire.Header{
			Type:      wire.Type(service),
			Sender:    c.self,
			NumGroups: int32(len(groups)),
			Hint:      wire.MakeHint(messType),
			DataLen:   int32(len(payload)),
		}
		b = h.Append(b)
		for _, g := range groups {
			n := wire.MakeName(g)
			b = append(b, n[:]...)
		}
		return append(b, payload...)
	})
	return opError(opMulticast, "", err)
}

// Flush waits until the kernel has taken all messages accepted before the call, the connection
// fails or ctx ends. Success does not mean that the daemon has read them: the protocol has no
// acknowledgement.
func (c *Conn) Flush(ctx context.Context) error {
	return opError("flush", "", c.out.flush(ctx))
}

// Close ends the session in order. It sends accepted messages (for at most 5 s) and a disconnect
// request, waits (at most 1 s) until the daemon closes its side, and closes the connection. Events
// not yet received are lost. Pending calls in other goroutines fail with ErrIllegalSession, as do
// later ones.
//
// Close returns an error if the kernel has not taken all accepted messages. A second Close, or one
// after Kill, does nothing.
func (c *Conn) Close() error {
	s := c.out
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		<-s.done
		return nil
	}
	s.closed = true
	owed := s.accepted // without the disconnect request
	if s.broken == nil {
		s.fill = c.appendRequest(s.fill, wire.Kill, c.self)
	}
	s.work.Signal()
	s.room.Broadcast()
	s.mu.Unlock()

	now := time.Now()
	_ = c.nc.SetWriteDeadline(now.Add(closeTimeout)) // if it fails, so will the write
	c.in.interrupt()
	<-s.done
	c.in.drain(time.Now().Add(partingTimeout))
	_ = c.nc.Close() // everything is sent; an error changes nothing

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.written < owed {
		return errorf("close", c.group, ErrConnectionClosed, "%d bytes of messages were not sent: %w", owed-s.written, s.broken)
	}
	return nil
}

// Kill closes the connection at once, without a disconnect request. Accepted messages that were not
// flushed may be lost.
func (c *Conn) Kill() {
	c.in.closed.Store(true)
	s := c.out
	s.mu.Lock()
	s.closed = true
	if s.broken == nil {
		s.broken = net.ErrClosed
	}
	s.work.Signal()
	s.room.Broadcast()
	s.mu.Unlock()
	_ = c.nc.Close() // interrupts a pending write and read
	<-s.done
}

// fail ends a connection from which nothing more can be received, and returns the error for the
// caller of op.
func (c *Conn) fail(op string, code Code, cause error) error {
	s := c.out
	s.mu.Lock()
	if s.broken == nil {
		s.broken = cause
	}
	err := s.failure()
	if e, ok := errors.AsType[*Error](err); ok && e.Code == ErrConnectionClosed {
		e.Code = code
	}
	s.work.Signal()
	s.room.Broadcast()
	s.mu.Unlock()
	_ = c.nc.Close() // the daemon has closed it, or must not continue
	return opError(op, "", err)
}

// opError adds the operation to an error of the sender or of a context. It returns nil for nil.
func opError(op, target string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*Error); ok { //nolint:errorlint // a new error of this package, not a wrapped one
		e.Op, e.Target = op, target
		return e
	}
	return &Error{Op: op, Target: target, Err: err}
}

func isTimeout(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

// unexpected turns io.EOF into io.ErrUnexpectedEOF, for places where more must follow.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
