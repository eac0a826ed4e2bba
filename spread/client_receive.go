package spread

import (
	"context"
	"slices"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// Receive returns the next event: what [Conn.Receive] returns, and the events of the client itself.
// The events of one connection stand between [*Connected] and [*Disconnected]. [*Membership] events
// are returned only with [WithMembership], and before the [*Joined] that they cause.
//
// Receive connects if there is no connection. It waits until ctx ends; then nothing is lost. The
// only errors are that of the context and ErrIllegalSession after Close: whatever else fails ends
// the connection and shows in [*Disconnected].
func (c *Client) Receive(ctx context.Context) (Event, error) { return c.receive(ctx, nil) }

// ReceiveInto is Receive for programs that handle one message after the other, as
// [Conn.ReceiveInto] is. In a steady stream it allocates nothing.
func (c *Client) ReceiveInto(ctx context.Context, m *Message) (Event, error) {
	return c.receive(ctx, m)
}

// Ready reports whether Receive would return an event at once, as [Conn.Ready] does.
func (c *Client) Ready() bool { return c.pending != nil || c.in != nil && c.in.Ready() }

func (c *Client) receive(ctx context.Context, into *Message) (Event, error) {
	for {
		if ev := c.pending; ev != nil {
			c.pending = nil
			return ev, nil
		}
		if c.in == nil {
			return c.receiveNews(ctx)
		}
		var (
			ev  Event
			err error
		)
		if into == nil {
			ev, err = c.in.Receive(ctx)
		} else {
			ev, err = c.in.ReceiveInto(ctx, into)
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			return c.disconnected(err)
		}
		switch ev := ev.(type) {
		case *Message:
			if c.in.backlog.received(len(ev.Payload)) {
				c.pending = &Slow{Bytes: c.in.backlog.waiting}
			}
		case *Membership:
			c.follow(ev)
			if !c.o.membership {
				continue
			}
		}
		return ev, nil
	}
}

// receiveNews connects, or waits for another goroutine that does, and returns what came of it.
func (c *Client) receiveNews(ctx context.Context) (Event, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.news) == 0 || c.closed {
		// News that another goroutine made before ctx ended is returned.
		if err := c.step(ctx, opReceive); err != nil && (len(c.news) == 0 || c.closed) {
			return nil, err
		}
	}
	n := c.news[0]
	c.news = slices.Delete(c.news, 0, 1)
	if n.failed != nil {
		return n.failed, nil
	}
	c.in = n.link
	return &Connected{Address: c.addresses[c.in.which], PrivateGroup: c.in.PrivateGroup(), Away: c.in.away}, nil
}

// disconnected leaves the connection that is being received from.
func (c *Client) disconnected(err error) (Event, error) {
	l := c.in
	c.fail(l, err)
	c.mu.Lock()
	cause, closed := l.cause, c.closed
	c.mu.Unlock()
	if closed {
		return nil, closedError(opReceive)
	}
	c.in = nil
	now := time.Now()
	if len(l.waiting) == 0 {
		c.left = now
	}
	return &Disconnected{
		Address: c.addresses[l.which], PrivateGroup: l.PrivateGroup(), Err: cause, Lasted: now.Sub(l.began),
	}, nil
}

// follow keeps the views up to date.
func (c *Client) follow(m *Membership) {
	l := c.in
	switch {
	case m.Regular():
		v := View{ID: m.ID, Members: slices.Clone(m.Members), Index: m.Index}
		c.mu.Lock()
		l.views[m.Group] = v
		c.mu.Unlock()
	case m.Cause == SelfLeave:
		c.mu.Lock()
		delete(l.views, m.Group)
		c.mu.Unlock()
	}
	if _, ok := l.waiting[m.Group]; !ok || m.Cause != CauseJoin || m.Changed != l.PrivateGroup() {
		return
	}
	if delete(l.waiting, m.Group); len(l.waiting) > 0 {
		return
	}
	ev := &Joined{Address: c.addresses[l.which], PrivateGroup: l.PrivateGroup()}
	if !c.left.IsZero() {
		ev.Away = time.Since(c.left)
	}
	c.pending = ev
}

// backlogStep is how many bytes are received between two looks at the backlog.
const backlogStep = 16 << 10

// backlog watches how many bytes wait to be received on a connection.
type backlog struct {
	ask     func() int // nil if there is nobody to ask
	limit   int
	since   int  // bytes received since the last look
	waiting int  // at the last look
	slow    bool // reported, and not better since
}

func newBacklog(conn Connection, limit int) backlog {
	if b, ok := conn.(interface{ Backlog() int }); ok && limit > 0 {
		return backlog{ask: b.Backlog, limit: limit}
	}
	return backlog{}
}

// received counts a message and reports whether the program has become slow.
func (b *backlog) received(payload int) bool {
	if b.since += wire.HeaderLen + wire.NameLen + payload; b.since < backlogStep || b.ask == nil {
		return false
	}
	b.since = 0
	b.waiting = b.ask()
	was := b.slow
	b.slow = b.waiting >= b.limit || was && b.waiting >= b.limit/2
	return b.slow && !was
}
