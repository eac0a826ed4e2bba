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
	// closeTimeout bounds how long Close waits for the kernel to take what
	// was accepted. A daemon that does not read for so long is in trouble;
	// who wants to wait longer calls Flush first.
	closeTimeout = 5 * time.Second
	// partingTimeout bounds how long Close then waits for the daemon to
	// close its side. That takes a rotation of the ring's token,
	// milliseconds, unless daemons are just forming a ring.
	partingTimeout = time.Second
)

// Version is the version of a daemon or library.
type Version struct{ Major, Minor, Patch uint8 }

// String returns the version as "5.0.1".
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// LibraryVersion is the version that this library tells daemons: that of the
// C release whose protocol it speaks.
func LibraryVersion() Version { return Version(wire.OurVersion) }

// Conn is a connection to a daemon, in Spread's words a session. Its methods
// may be called by any number of goroutines at once.
type Conn struct {
	nc      net.Conn
	self    wire.Name
	group   string // self as text
	version Version
	out     *sender
	in      *receiver
}

// PrivateGroup returns the name of this connection, "#name#daemon", to which
// others can send and under which groups list it.
func (c *Conn) PrivateGroup() string { return c.group }

// DaemonVersion returns the version that the daemon told.
func (c *Conn) DaemonVersion() Version { return c.version }

// Join asks to become a member of a group: 1 to 31 bytes from '$' to '~',
// else ErrIllegalGroup. It returns when the request is accepted for sending,
// under the rules of [Conn.Multicast]. There is no answer as such: with
// [WithMembership] the group's next [*Membership] tells. To join where one is
// a member already does nothing.
func (c *Conn) Join(ctx context.Context, group string) error {
	return c.request(ctx, "join", wire.Join, group)
}

// Leave asks to leave a group, under the rules of [Conn.Join]. With
// [WithMembership] a [*Membership] of cause [SelfLeave] follows. To leave
// where one is no member does nothing.
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
	if err != nil {
		return opError(op, group, err)
	}
	return nil
}

// appendRequest appends a join, leave or kill request to b.
func (c *Conn) appendRequest(b []byte, t wire.Type, group wire.Name) []byte {
	h := wire.Header{Type: t, Sender: c.self, NumGroups: 1, Hint: wire.MakeHint(0)}
	return append(h.Append(b), group[:]...)
}

// Multicast sends payload to groups, each of them the name of a group or the
// private group of another connection. One need not be a member. A receiver
// that is meant several times gets one copy, and names that nobody has are
// skipped silently. messType is for the application alone.
//
// Multicast returns when the message is accepted for sending, which says
// nothing of its delivery; payload may then be used again. It waits while the
// send buffer ([WithSendBuffer]) is full, until ctx ends: then nothing of the
// message was sent, and the connection is as good as before. A failure to
// write shows as ErrConnectionClosed in the next call, and what became of
// messages accepted and not flushed is then unknown.
//
// Errors besides: ErrIllegalService if service is not exactly one, with or
// without SelfDiscard; ErrIllegalGroup if there are more than 100 groups, or
// one is empty, over 31 bytes or with a NUL; ErrMessageTooLong over
// [MaxPayload]; ErrIllegalSession after Close; ErrNetErrorOnSession after a
// failure that was reported before.
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
	if err != nil {
		return opError(opMulticast, "", err)
	}
	return nil
}

// Flush waits until the kernel has taken all that was accepted before the
// call, or the connection fails, or ctx ends. Success does not mean that the
// daemon has read it: Spread's protocol has no such answer.
func (c *Conn) Flush(ctx context.Context) error {
	if err := c.out.flush(ctx); err != nil {
		return opError("flush", "", err)
	}
	return nil
}

// Close ends the session in order. It sends what was accepted (for at most
// 5 s), then a disconnect request, waits (at most 1 s) for the daemon to close
// its side, and closes the connection. Events not yet received are lost.
// Calls under way in other goroutines fail with ErrIllegalSession, as do later
// ones.
//
// Close returns an error if something that was accepted was not handed to the
// kernel. It may be called again, and after Kill; that does nothing.
func (c *Conn) Close() error {
	s := c.out
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		<-s.done
		return nil
	}
	s.closed = true
	owed := s.accepted // what the caller wants to know of
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
	_ = c.nc.Close() // all that matters has been said

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.written < owed {
		return &Error{
			Op: "close", Target: c.group, Code: ErrConnectionClosed,
			Err: fmt.Errorf("%d bytes of messages were not sent: %w", owed-s.written, s.broken),
		}
	}
	return nil
}

// Kill closes the connection at once and tells the daemon nothing, which sees
// a client that vanished. What was accepted and not flushed is lost.
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
	_ = c.nc.Close() // ends a write and a read under way
	<-s.done
}

// fail ends a connection on which nothing can be received any more, and
// returns the error for the caller of op.
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
	_ = c.nc.Close() // the daemon has done so, or must not go on
	return opError(op, "", err)
}

// opError completes an error of the sender or of a context.
func opError(op, target string, err error) error {
	if e, ok := err.(*Error); ok { //nolint:errorlint // it is ours and fresh, not a wrapped one
		e.Op, e.Target = op, target
		return e
	}
	return &Error{Op: op, Target: target, Err: err}
}

// isTimeout reports whether err says that a deadline passed.
func isTimeout(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

// unexpected turns the end of a stream into what it is where more was due.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
