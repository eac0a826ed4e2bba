package spread

import (
	"context"
	"errors"
	"iter"
	"net"
	"slices"
	"sync"
	"time"
)

// Client is a connection that comes back. It connects to the first of several daemons that answers.
// When the connection ends, it connects to the next one and joins its groups again. [Conn] is a
// single connection, without any of this.
//
// A client connects when it is used: in [Client.Receive], [Client.Do] and [Client.Multicast]. It
// tries each address once and then pauses. The pause grows from 50 ms to 5 s. Half of it is random,
// so that many clients do not return at the same moment.
//
// A program that only sends should receive too, in a goroutine of its own: it gets rejected
// messages, and notices the end of an idle connection at once instead of with the next message.
//
// Receive, ReceiveInto, Events and Ready are for one goroutine at a time. All other methods may be
// called from any number of goroutines.
type Client struct {
	addresses []string
	o         options

	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever a field below changes
	closed  bool
	groups  map[string]struct{} // groups to be in
	current *link               // the connection in use; nil while there is none
	users   int                 // calls that are using current
	moving  bool                // current is about to be replaced: no new users
	busy    bool                // a goroutine is trying to connect
	stop    context.CancelFunc  // ends that attempt
	news    []news              // what Receive has not returned yet
	last    error               // why the last attempt or connection failed
	daemons []DaemonStatus      // by address
	which   int                 // index of the address to try next
	backoff time.Duration       // the pause after the next round of failures
	retry   time.Time           // when the next attempt is due
	lost    time.Time           // when the last connection ended; zero before the first

	// The fields below belong to the goroutine that receives.

	in      *link     // the connection that Receive reads; may have failed already
	pending Event     // returned next
	left    time.Time // when the last connection with all groups joined ended
}

// Connection is what a [Client] needs of a connection to one daemon. [*Conn] implements it; tests
// may bring another one with [WithConnect]. Methods may be added in minor versions, so embed the
// interface in your implementation.
type Connection interface {
	PrivateGroup() string
	Join(ctx context.Context, group string) error
	Leave(ctx context.Context, group string) error
	Multicast(ctx context.Context, service Service, messType int16, payload []byte, groups ...string) error
	Flush(ctx context.Context) error
	Receive(ctx context.Context) (Event, error)
	ReceiveInto(ctx context.Context, m *Message) (Event, error)
	Ready() bool
	Close() error
	Kill()
}

// View is the membership of a group at one moment.
type View struct {
	ID      GroupID
	Members []string // private groups, in the same order at every member
	Index   int      // the position of this client in Members, or -1
}

// DaemonStatus is what a [Client] knows about one of its daemons.
type DaemonStatus struct {
	Address   string
	Connected bool
	Connects  int64 // successful attempts to connect
	Failures  int64 // failed attempts
}

// NewClient returns a client of the daemons at addresses ([ParseAddress]), in the order in which
// they are to be tried. No address means the daemon on this host. NewClient checks its arguments;
// it does not connect.
func NewClient(addresses []string, opts ...Option) (*Client, error) {
	if len(addresses) == 0 {
		addresses = []string{""}
	}
	c := &Client{
		addresses: slices.Clone(addresses),
		o:         buildOptions(opts),
		changed:   make(chan struct{}),
		groups:    make(map[string]struct{}),
		daemons:   make([]DaemonStatus, len(addresses)),
		backoff:   backoffFirst,
	}
	for i, a := range c.addresses {
		if _, err := ParseAddress(a); err != nil {
			return nil, err
		}
		c.daemons[i].Address = a
	}
	if _, err := c.o.check(); err != nil {
		return nil, opError("dial", c.addresses[0], err)
	}
	if c.o.connect == nil {
		c.o.connect = func(ctx context.Context, address, name string) (Connection, error) {
			conn, err := Dial(ctx, address, append(slices.Clone(opts), WithName(name), WithMembership(true))...)
			if err != nil {
				return nil, err
			}
			return conn, nil
		}
	}
	return c, nil
}

// Join makes the client a member of a group, now and after each reconnect, until [Client.Leave].
// Without a connection it only records the group. The errors are ErrIllegalGroup,
// ErrIllegalSession after Close, and the context's.
func (c *Client) Join(ctx context.Context, group string) error {
	return c.setMember(ctx, "join", group, true)
}

// Leave ends the membership in a group, under the rules of [Client.Join].
func (c *Client) Leave(ctx context.Context, group string) error {
	return c.setMember(ctx, "leave", group, false)
}

func (c *Client) setMember(ctx context.Context, op, group string, member bool) error {
	if err := CheckGroup(group); err != nil {
		return &Error{Op: op, Target: group, Code: ErrIllegalGroup, Err: err}
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return closedError(op)
	}
	l := c.current
	include(c.groups, group, member)
	if l != nil {
		include(l.groups, group, member)
	}
	c.mu.Unlock()
	if l == nil {
		return nil
	}
	err := l.request(ctx, group, member)
	if err != nil && ctx.Err() == nil {
		c.fail(l, err)
		return nil // the next connection makes up for it
	}
	return err
}

// Do calls f with the current connection. Without one it connects first, until ctx ends. While f
// runs, the client does not leave a working connection ([WithReturn]).
//
// This is how a publisher learns what may be lost: messages that f sends are on their way if
// [Conn.Flush] succeeds in the same call of f. If f returns an error, the client drops the
// connection, as [Client.Reconnect] does, and Do returns the error. The messages of f may then have
// been sent or not; send them again on the next connection, or count them. Errors that do not
// concern the connection are better kept elsewhere.
//
// A publisher that does not flush in each call of f compares connections: if it gets another one
// than in the last call, messages that were not flushed on the old one may be lost.
func (c *Client) Do(ctx context.Context, f func(conn Connection) error) error {
	l, err := c.use(ctx, "do")
	if err != nil {
		return err
	}
	defer c.release()
	err = f(l.Connection)
	if err != nil {
		c.fail(l, err)
	}
	return err
}

// Multicast sends one message as [Conn.Multicast] does. Without a connection it connects first,
// until ctx ends. It does not send again: after an error the message may or may not have been sent,
// and after success it may still be lost with the connection. [Client.Do] shows more.
func (c *Client) Multicast(ctx context.Context, service Service, messType int16, payload []byte, groups ...string) error {
	if err := checkMulticast(service, len(payload), groups); err != nil {
		return err
	}
	l, err := c.use(ctx, opMulticast)
	if err != nil {
		return err
	}
	defer c.release()
	err = l.Multicast(ctx, service, messType, payload, groups...)
	if errors.Is(err, ErrConnectionClosed) || errors.Is(err, ErrIllegalSession) {
		c.fail(l, err)
	}
	return err
}

// Events returns an iterator over what [Client.Receive] returns. An error is its last element.
func (c *Client) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			e, err := c.Receive(ctx)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// View returns the current membership of a group. It reports false while the client is not
// connected, or has not received the group's membership on this connection. The view changes when
// Receive returns the event that changes it.
func (c *Client) View(group string) (View, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		return View{}, false
	}
	v, ok := c.current.views[group]
	v.Members = slices.Clone(v.Members)
	return v, ok
}

// PrivateGroup returns the private group of the current connection, or the empty string. It may
// differ from connection to connection.
func (c *Client) PrivateGroup() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		return ""
	}
	return c.current.PrivateGroup()
}

// Daemons returns the state of each daemon, in the order of the addresses.
func (c *Client) Daemons() []DaemonStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.daemons)
}

// Reconnect drops the current connection, as [Conn.Kill] does, and lets the client connect to the
// next daemon. cause shows in the [*Disconnected] event. Use it for a daemon that answers but does
// not work as it should.
func (c *Client) Reconnect(cause error) {
	c.mu.Lock()
	l := c.current
	c.mu.Unlock()
	if l != nil {
		c.fail(l, cause)
	}
}

// Close ends the client. It closes the current connection as [Conn.Close] does, and returns its
// error. Calls in other goroutines fail with ErrIllegalSession, as do later ones.
func (c *Client) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	l := c.current
	if l != nil {
		l.cause = net.ErrClosed
	}
	if c.stop != nil {
		c.stop()
	}
	c.notify()
	c.mu.Unlock()
	if l == nil {
		return nil
	}
	err := l.Close()
	c.mu.Lock()
	c.drop(l)
	c.mu.Unlock()
	return err
}

// closedError is the error of calls after Close.
func closedError(op string) error {
	return &Error{Op: op, Code: ErrIllegalSession, Err: net.ErrClosed}
}
