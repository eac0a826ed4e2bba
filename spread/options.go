package spread

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// An Option changes how [Dial] or [NewClient] connects.
type Option func(*options)

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

type options struct {
	name       string
	membership bool
	priority   bool
	notices    bool
	auth       []AuthMethod
	socketDir  string
	dial       dialFunc
	sendBuffer int
	secure     *tls.Config
	users      []string // whose daemon is accepted, besides those of ownerAccepted

	// Of clients.
	connect     func(ctx context.Context, address, name string) (Connection, error)
	returnAfter time.Duration
	backlog     int
}

const (
	// runDir is where our daemons have a UNIX socket PORT.sock, which services whose /tmp is their own
	// (PrivateTmp of systemd) can reach.
	runDir = "/run/spread"
	// tmpDir is the directory of UNIX sockets of all daemons and C libraries (client-protocol §2.2).
	tmpDir = "/tmp"
	// defaultSendBuffer is the default of [WithSendBuffer]. It exceeds a socket buffer of 200 KiB,
	// so that one write can fill that.
	defaultSendBuffer = 256 << 10
	// defaultBacklog is the default of [WithBacklog]: well below what a socket buffer of 200 KiB
	// holds.
	defaultBacklog = 96 << 10
)

func buildOptions(opts []Option) options {
	o := options{
		auth:       []AuthMethod{NullAuth()},
		dial:       new(net.Dialer).DialContext,
		sendBuffer: defaultSendBuffer,
		backlog:    defaultBacklog,
	}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// WithName asks for a private name: 1 to 10 bytes from '$' to '~', unique on the daemon. Without
// it, or with an empty name, the daemon chooses one. A longer name is an error, where libspread
// would cut it. A [Client] whose name is taken replaces its end by a random suffix; [Dial] fails.
func WithName(name string) Option { return func(o *options) { o.name = name } }

// WithMembership asks for membership messages of joined groups. The default is off.
func WithMembership(on bool) Option { return func(o *options) { o.membership = on } }

// WithNotices asks the daemon to explain what happens to the session and to the ring: [*Notice] events
// say who has joined or left the ring and why, that the daemon is about to disconnect a slow client,
// and why a session ends, which is also part of the error of a connection that has failed. C daemons
// do not answer. The default is off.
func WithNotices(on bool) Option { return func(o *options) { o.notices = on } }

// WithPriority sets the priority flag, which daemons ignore.
func WithPriority(on bool) Option { return func(o *options) { o.priority = on } }

// WithAuth sets the authentication methods, at most 3. All of them have to succeed, in this order.
// The default is [NullAuth] alone.
func WithAuth(methods ...AuthMethod) Option { return func(o *options) { o.auth = methods } }

// WithSocketDir sets the directory of the UNIX socket for addresses that are only a port. Without
// it, /run/spread/PORT.sock, /tmp/PORT and TCP on this host are tried in turn.
func WithSocketDir(dir string) Option { return func(o *options) { o.socketDir = dir } }

// WithSocketUsers accepts daemons of this host that run as one of these users, by name or number, or
// as any user with "*". Without it, a daemon at a UNIX socket, or at the TCP port of this host that is
// tried after it, must run as root, as "spread" or as the user of this program: otherwise any local user
// could take the daemon's place while it is down. The error of [Dial] is then ErrCouldNotConnect and says
// who listens. Where the system does not say who listens, everybody is accepted.
func WithSocketUsers(users ...string) Option {
	return func(o *options) { o.users = append(o.users, users...) }
}

// WithTLS makes connections over TCP use TLS 1.3, which the daemon serves on a port of its own. If
// ServerName is empty, the daemon's certificate must name the host of the address. A certificate among
// Certificates is this program's identity. Connections over UNIX sockets stay in clear text: there the
// kernel says who the peer is. With nil nothing is encrypted.
func WithTLS(config *tls.Config) Option { return func(o *options) { o.secure = config } }

// WithDialer replaces the dialer of package net, for tests or for connections through something
// else. Its connections must honor deadlines, as those of package net do.
func WithDialer(dial func(ctx context.Context, network, address string) (net.Conn, error)) Option {
	return func(o *options) { o.dial = dial }
}

// WithSendBuffer sets how many bytes a connection collects during a write, and so the size of the
// largest write. A connection holds up to twice as many bytes that the kernel has not taken yet.
// The default is 256 KiB. One whole message always fits.
func WithSendBuffer(bytes int) Option {
	return func(o *options) { o.sendBuffer = max(bytes, wire.HeaderLen) }
}

// WithReturn makes a [Client] that is connected to another daemon than its first one try the first
// one at this interval, and return to it when it answers. The default, 0, is to stay.
func WithReturn(interval time.Duration) Option {
	return func(o *options) { o.returnAfter = interval }
}

// WithBacklog sets how many bytes may wait to be received before a [Client] reports that its
// program is slow ([*Slow]). The default is 96 KiB; 0 switches the reports off.
func WithBacklog(bytes int) Option { return func(o *options) { o.backlog = bytes } }

// WithConnect makes a [Client] open connections with this function, in tests for example. name is
// the private name to ask for, or empty if the daemon is to choose it. Without membership messages
// from the connection, [Client.View] and [*Joined] do not work. The default is [Dial].
func WithConnect(connect func(ctx context.Context, address, name string) (Connection, error)) Option {
	return func(o *options) { o.connect = connect }
}
