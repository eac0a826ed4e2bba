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

// Receive returns the next event: a [*Message], a [*Membership], a [*Rejected], a [*Notice] or an
// [*Unknown]. It
// waits until ctx ends; then nothing is lost, and the next call continues where this one stopped.
// Events come in the order in which the daemon sent them. If several goroutines receive, each gets
// some of them.
//
// The payload of a message is part of the chunk of 64 KiB that was read with it. The chunk is never
// written to again. A program that keeps small messages for long should keep clones
// ([Message.Clone]), otherwise it keeps whole chunks. [Conn.ReceiveInto] copies the payload
// instead.
//
// The errors are that of the context; ErrConnectionClosed if the connection ended or failed, after
// all events that had arrived completely; ErrNetErrorOnSession if that was reported before; and
// ErrIllegalSession after Close. ErrIllegalMessage means that the daemon sent something invalid. If
// it was a single membership message, the next call returns what follows it; otherwise the
// connection is closed.
func (c *Conn) Receive(ctx context.Context) (Event, error) { return c.receive(ctx, nil) }

// ReceiveInto is Receive for programs that handle one message after the other. It stores a message
// in m, copies the payload to m.Payload, which grows if necessary, and returns m. In a steady
// stream it allocates nothing. Other events are returned as by Receive and do not change m.
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
			if r.notices && w.IsNotice() {
				if n := r.notice(w.Payload); n != nil {
					return n, nil
				}
				continue
			}
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
			return nil, c.fail(opReceive, ErrConnectionClosed, r.explained(err))
		}
	}
}

// event returns the event of a decoded message.
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

// Events returns an iterator over the results of [Conn.Receive]. An error is the last element,
// except after a single invalid membership message, which leaves the connection good.
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

// usable reports whether the connection is still good after err.
func (c *Conn) usable(err error) bool {
	if !errors.Is(err, ErrIllegalMessage) {
		return false
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.broken == nil && !c.out.closed
}

// Ready reports whether Receive would return an event at once. Programs that work in batches flush
// a batch when it reports false. It considers only what earlier calls have read, without a system
// call. While another goroutine receives, it returns false.
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

// Poll returns how many bytes wait to be received, complete events or not. It reads from the kernel
// up to the end of its chunk, without waiting. On systems other than Unix it only counts what
// earlier calls have read. While another goroutine receives, it returns 0. The error is
// ErrIllegalSession after Close; Receive reports other failures.
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
