package spread

import (
	"context"
	"errors"
	"iter"
	"net"
	"slices"

	"github.com/spreadd/spreadd/wire"
)

const opReceive = "receive"

// Receive returns the next event: a [*Message], a [*Membership], a [*Rejected]
// or an [*Unknown]. It waits for one until ctx ends; then nothing is lost, and
// the next call goes on where this one stopped. Events come in the order in
// which the daemon sent them; of several goroutines that receive, each gets
// some.
//
// The payload of a message is a part of the chunk of 64 KiB that it was read
// with, and the chunk is never written to again. A program that keeps a few
// small messages for long should keep clones ([Message.Clone]), or the rest
// of their chunks is kept as well. [Conn.ReceiveInto] copies instead.
//
// Errors: the context's; ErrConnectionClosed if the daemon closed the
// connection or it failed, after all events that had arrived whole;
// ErrNetErrorOnSession if that was reported before; ErrIllegalSession after
// Close. ErrIllegalMessage means that what the daemon sent makes no sense: if
// it was one bad membership message the next call receives what follows it,
// else the connection has been closed.
func (c *Conn) Receive(ctx context.Context) (Event, error) { return c.receive(ctx, nil) }

// ReceiveInto is Receive for programs that handle one message after the other:
// a message is written to m, its payload copied to m.Payload (which is made
// longer if need be), and m returned. In a steady stream it allocates nothing.
// Other events are returned as by Receive and leave m alone.
func (c *Conn) ReceiveInto(ctx context.Context, m *Message) (Event, error) {
	return c.receive(ctx, m)
}

func (c *Conn) receive(ctx context.Context, into *Message) (Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, &Error{Op: opReceive, Err: err}
	}
	r := c.in
	if err := r.acquire(ctx); err != nil {
		return nil, &Error{Op: opReceive, Err: err}
	}
	defer r.release()
	var w wire.Message
	for {
		if r.closed.Load() {
			return nil, &Error{Op: opReceive, Code: ErrIllegalSession, Err: net.ErrClosed}
		}
		size, complete, err := r.next(&w)
		if err != nil {
			return nil, c.fail(opReceive, ErrIllegalMessage, err)
		}
		if complete {
			r.pos += size
			return r.event(&w, into)
		}
		if err := r.fill(ctx, size); err != nil {
			if cause := ctx.Err(); cause != nil && errors.Is(err, cause) {
				return nil, &Error{Op: opReceive, Err: cause}
			}
			if r.closed.Load() {
				continue
			}
			if len(r.buf) > r.pos {
				err = unexpected(err)
			}
			return nil, c.fail(opReceive, ErrConnectionClosed, err)
		}
	}
}

// event makes an event of a decoded message.
func (r *receiver) event(w *wire.Message, into *Message) (Event, error) {
	if !w.Type.IsRegular() {
		return r.decodeEvent(w)
	}
	if into != nil {
		r.decodeMessage(into, w, w.Type)
		into.Payload = append(into.Payload[:0], w.Payload...)
		return into, nil
	}
	if len(r.slab) == 0 {
		r.slab = make([]Message, slabSize)
	}
	m := &r.slab[0]
	r.slab = r.slab[1:]
	r.decodeMessage(m, w, w.Type)
	m.Payload = slices.Clip(w.Payload)
	r.lent = r.lent || len(m.Payload) > 0
	return m, nil
}

// Events returns an iterator over what [Conn.Receive] returns. After an error
// it goes on if the caller does and the connection is still good, which is
// only so after a bad membership message; any other error is the last element.
func (c *Conn) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			e, err := c.Receive(ctx)
			if !yield(e, err) || err != nil && !c.usable(err) {
				return
			}
		}
	}
}

// usable reports whether there is sense in receiving after err.
func (c *Conn) usable(err error) bool {
	if !errors.Is(err, ErrIllegalMessage) {
		return false
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.broken == nil && !c.out.closed
}

// Ready reports whether an event has arrived whole, so that Receive would
// return it at once. Programs that work in batches flush theirs when it does
// not. It looks at what earlier calls have read, and asks nobody; while
// another goroutine receives it returns false.
func (c *Conn) Ready() bool {
	r := c.in
	select {
	case r.lock <- struct{}{}:
		defer r.release()
	default:
		return false
	}
	var w wire.Message
	_, complete, err := r.next(&w)
	return complete || err != nil
}

// Poll returns how many bytes wait to be received, whole events or not. It
// reads what the kernel has, up to the end of its chunk, without waiting; on
// systems other than Unix it only counts what earlier calls have read. While
// another goroutine receives it returns 0. The error is ErrIllegalSession
// after Close; other failures are left to Receive.
func (c *Conn) Poll() (int, error) {
	r := c.in
	if r.closed.Load() {
		return 0, &Error{Op: "poll", Code: ErrIllegalSession, Err: net.ErrClosed}
	}
	select {
	case r.lock <- struct{}{}:
		defer r.release()
	default:
		return 0, nil
	}
	r.makeRoom(wire.HeaderLen)
	if n, ok := r.try(); ok {
		r.buf = r.buf[:len(r.buf)+n]
	}
	return len(r.buf) - r.pos, nil
}

// Backlog returns how many bytes wait to be received: those that earlier calls have read, and on
// Linux those in the socket's receive buffer. It takes nothing. While another goroutine receives it
// returns 0.
func (c *Conn) Backlog() int {
	r := c.in
	select {
	case r.lock <- struct{}{}:
		defer r.release()
	default:
		return 0
	}
	return len(r.buf) - r.pos + r.queued()
}
