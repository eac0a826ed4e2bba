package spread

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/spreadd/spreadd/internal/pause"
	"github.com/spreadd/spreadd/wire"
)

const (
	// backoffFirst and backoffLast bound the pause of a [Client] between two rounds of attempts.
	backoffFirst = 50 * time.Millisecond
	backoffLast  = 5 * time.Second
	// attemptTimeout bounds one attempt to connect.
	attemptTimeout = 5 * time.Second
	// maxNews bounds what a client keeps for a program that does not receive.
	maxNews = 64
	// maxNames is the number of private names that an attempt asks for before it leaves the choice
	// to the daemon.
	maxNames = 4
)

// ErrReturning is the cause of a disconnect with which a [Client] returns to its first daemon.
var ErrReturning = errors.New("returning to the first daemon")

// link is one connection of a [Client]. Fields without a comment about their owner do not change.
type link struct {
	Connection
	which  int // index of the address
	began  time.Time
	away   time.Duration // since the connection before
	cancel context.CancelFunc

	// The fields below are guarded by Client.mu.

	cause  error // why it ended; the first one counts
	groups map[string]struct{}
	views  map[string]View

	// The fields below belong to the goroutine that receives.

	waiting map[string]struct{} // groups joined at the start, without their membership message
	backlog backlog
}

func include(groups map[string]struct{}, group string, member bool) {
	if member {
		groups[group] = struct{}{}
	} else {
		delete(groups, group)
	}
}

func (l *link) request(ctx context.Context, group string, member bool) error {
	if member {
		return l.Join(ctx, group)
	}
	return l.Leave(ctx, group)
}

// news is something that Receive has to report: a new connection or a failed attempt.
type news struct {
	link   *link
	failed *ConnectFailed
}

// report appends to the news. It needs c.mu.
func (c *Client) report(n news) {
	if len(c.news) >= maxNews {
		c.news = slices.Delete(c.news, 0, 1)
	}
	c.news = append(c.news, n)
}

// notify wakes everyone who waits for a change. It needs c.mu.
func (c *Client) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// use returns the current connection and keeps the client from leaving it until release.
func (c *Client) use(ctx context.Context, op string) (*link, error) {
	if err := ctx.Err(); err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.current == nil || c.moving {
		if err := c.step(ctx, op); err != nil {
			return nil, err
		}
	}
	if c.closed {
		return nil, closedError(op)
	}
	c.users++
	return c.current, nil
}

// release ends the use of a connection.
func (c *Client) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users--; c.users == 0 && c.moving {
		c.notify()
	}
}

// step makes one attempt to connect, or waits for a change if there is nothing to attempt. It
// needs c.mu, which it releases meanwhile. The error is that of ctx or of a closed client.
func (c *Client) step(ctx context.Context, op string) error {
	switch {
	case c.closed:
		return closedError(op)
	case ctx.Err() != nil:
	case c.current == nil && !c.busy:
		c.attempt(ctx)
	default:
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		c.mu.Lock()
	}
	switch {
	case ctx.Err() == nil:
		return nil
	case c.last != nil:
		return &Error{Op: op, Code: ErrCouldNotConnect, Err: fmt.Errorf("%w; the last attempt: %w", ctx.Err(), c.last)}
	default:
		return &Error{Op: op, Err: ctx.Err()}
	}
}

// attempt waits until the next attempt is due and tries one address. It needs c.mu, which it
// releases meanwhile. If ctx ends first, that is no failure of the daemon.
func (c *Client) attempt(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.busy, c.stop = true, cancel
	which, due := c.which, c.retry
	c.mu.Unlock()

	var l *link
	err := pause.For(ctx, time.Until(due))
	tried := err == nil
	if tried {
		l, err = c.open(ctx, which)
	}

	c.mu.Lock()
	if err == nil {
		err = c.settle(ctx, l)
	}
	c.busy, c.stop = false, nil
	switch {
	case err == nil:
		c.install(l)
	case ctx.Err() == nil:
		c.last = err
		c.daemons[which].Failures++
		c.next(0)
		c.report(news{failed: &ConnectFailed{Address: c.addresses[which], Err: err, Retry: max(0, time.Until(c.retry))}})
	case tried:
		c.next(0) // callers with little time must not try the same silent daemon again and again
	}
	c.notify()
}

// next chooses the address to try after a connection that lasted for so long, and the moment. It
// needs c.mu.
func (c *Client) next(lasted time.Duration) {
	if lasted > backoffLast {
		c.backoff = backoffFirst
	}
	if c.which = (c.which + 1) % len(c.addresses); c.which > 0 {
		return // each is tried once before a pause
	}
	c.retry = time.Now().Add(c.backoff/2 + rand.N(c.backoff/2+1))
	c.backoff = min(2*c.backoff, backoffLast)
}

func (c *Client) open(ctx context.Context, which int) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	conn, err := c.dial(ctx, which)
	if err != nil {
		return nil, err
	}
	return &link{
		Connection: conn,
		which:      which,
		began:      time.Now(),
		cancel:     func() {},
		groups:     make(map[string]struct{}),
		views:      make(map[string]View),
		waiting:    make(map[string]struct{}),
		backlog:    newBacklog(conn, c.o.backlog),
	}, nil
}

// settle joins the groups of the client on a new connection, before anyone else uses it. It needs
// c.mu, which it releases meanwhile, and ends the connection if it fails.
func (c *Client) settle(ctx context.Context, l *link) error {
	for {
		join, leave := missing(c.groups, l.groups), missing(l.groups, c.groups)
		if len(join)+len(leave) == 0 {
			return nil
		}
		c.mu.Unlock()
		err := l.settle(ctx, join, leave)
		c.mu.Lock()
		if err != nil {
			l.Kill()
			return err
		}
	}
}

// missing returns the elements of a that b lacks, sorted.
func missing(a, b map[string]struct{}) (list []string) {
	for g := range a {
		if _, ok := b[g]; !ok {
			list = append(list, g)
		}
	}
	slices.Sort(list)
	return list
}

func (l *link) settle(ctx context.Context, join, leave []string) error {
	for _, g := range join {
		l.groups[g], l.waiting[g] = struct{}{}, struct{}{}
		if err := l.Join(ctx, g); err != nil {
			return err
		}
	}
	for _, g := range leave {
		delete(l.groups, g)
		delete(l.waiting, g)
		if err := l.Leave(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// dial connects to a daemon under a name that is free there.
func (c *Client) dial(ctx context.Context, which int) (Connection, error) {
	name := c.o.name
	for tried := 1; ; tried++ {
		conn, err := c.o.connect(ctx, c.addresses[which], name)
		if name == "" || !errors.Is(err, ErrRejectNotUnique) {
			return conn, err
		}
		// Another process has the name, or the daemon has not noticed yet that our last connection
		// has ended.
		if name = ""; tried < maxNames {
			name = otherName(c.o.name)
		}
	}
}

// otherName returns a private name that begins like name and ends at random.
func otherName(name string) string {
	const digits = 36
	suffix := "-" + strconv.FormatInt(int64(digits+rand.N(digits*digits-digits)), digits)
	return name[:min(len(name), wire.MaxPrivateName-len(suffix))] + suffix
}

// install makes l the current connection. It needs c.mu.
func (c *Client) install(l *link) {
	if c.closed {
		l.Kill()
		return
	}
	c.current, c.which = l, l.which
	d := &c.daemons[l.which]
	d.Connects++
	d.Connected = true
	if !c.lost.IsZero() {
		l.away = time.Since(c.lost)
	}
	c.report(news{link: l})
	if l.which > 0 && c.o.returnAfter > 0 {
		var ctx context.Context
		ctx, l.cancel = context.WithCancel(context.Background())
		go c.watchReturn(ctx, l)
	}
}

// fail drops a connection. The first cause that is given counts.
func (c *Client) fail(l *link, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.cause == nil {
		l.cause = cause
		c.last = cause
		c.drop(l)
		c.next(time.Since(l.began))
	}
}

// drop ends a connection. It needs c.mu.
func (c *Client) drop(l *link) {
	l.Kill() // without effect after Close
	l.cancel()
	c.daemons[l.which].Connected = false
	if c.current == l {
		c.current = nil
		c.lost = time.Now()
	}
	c.notify()
}

// watchReturn tries to reach the first daemon until it answers or ctx ends, with the connection l.
func (c *Client) watchReturn(ctx context.Context, l *link) {
	for pause.For(ctx, c.o.returnAfter) == nil {
		first, err := c.open(ctx, 0)
		if err == nil {
			c.moveTo(context.WithoutCancel(ctx), l, first)
			return
		}
		if ctx.Err() == nil {
			c.mu.Lock()
			c.daemons[0].Failures++
			c.mu.Unlock()
		}
	}
}

// moveTo replaces the connection l by first, as soon as nobody uses l.
func (c *Client) moveTo(ctx context.Context, l, first *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.notify()
	c.moving = true
	for c.users > 0 && l.cause == nil {
		changed := c.changed
		c.mu.Unlock()
		<-changed
		c.mu.Lock()
	}
	defer func() { c.moving = false }()
	if l.cause != nil {
		first.Kill()
		return
	}
	l.cause, c.busy = ErrReturning, true
	c.mu.Unlock()
	_ = l.Close() // a daemon that does not take the rest has failed as far as we can see
	c.mu.Lock()
	c.drop(l)
	err := c.settle(ctx, first)
	c.busy, c.which = false, 0
	if err == nil {
		c.install(first)
	}
}
