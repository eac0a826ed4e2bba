package session

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// Defaults of [Config].
const (
	// DefaultMaxSessions is what a C daemon can hold (client-protocol §1).
	DefaultMaxSessions = 997
	// DefaultMaxSessionMessages is spread.conf's default (spread-conf §7).
	DefaultMaxSessionMessages = 1000
	// DefaultMaxHandshakes bounds connections that have not said who they are.
	DefaultMaxHandshakes = 1024
	// DefaultHandshakeTimeout is for a whole handshake (client-protocol §3.4).
	DefaultHandshakeTimeout = 10 * time.Second
)

const (
	// inboxBatches bounds the batches between the readers and the owner. With
	// each reader holding one more, it is far from what stalls a reader in
	// ordinary traffic, and at most 16 MiB of messages.
	inboxBatches = 64
	// batchMessages bounds a batch, so that the owner looks at its receivers'
	// queues before one publisher can fill them: a quarter of
	// DefaultMaxSessionMessages.
	batchMessages = 256
	// socketBuffer is what C daemons and libraries ask of the kernel in each
	// direction, in bytes (client-protocol §2.1).
	socketBuffer = 200 << 10
)

// None as a limit means zero where zero means the default.
const None = -1

// Config holds a server's settings. Zero values mean the defaults, but for
// Daemon and Pool.
type Config struct {
	// Daemon is this daemon's name, up to 19 bytes from '$' to '~'.
	Daemon string
	// Pool gives the blocks that messages are read into.
	Pool *buf.Pool
	// MaxSessions bounds the sessions, those in their handshake behind the
	// name included.
	MaxSessions int
	// MaxSessionMessages is the length of an output queue at which a session
	// is too slow. [None] refuses a session at its first delivery.
	MaxSessionMessages int
	// MaxHandshakes bounds the connections in a handshake. One more costs
	// the oldest.
	MaxHandshakes int
	// HandshakeTimeout bounds each handshake.
	HandshakeTimeout time.Duration
	// Auth decides who may connect.
	Auth Auth
	// Wake, if not nil, is called when the owner has something new in its inbox, or to
	// hear of a session that has recovered; by any goroutine.
	Wake func()
	// Log is for what an operator wants to know; nil discards it.
	Log *slog.Logger
}

// limit returns a limit as it is in force.
func limit(v, def int) int {
	if v == 0 {
		return def
	}
	return max(0, v)
}

func (c Config) withDefaults() (Config, error) {
	if !wire.LegalDaemonName(c.Daemon) {
		return c, fmt.Errorf("session: daemon name %q: want 1 to %d bytes from '$' to '~', since it stands in the names of clients", c.Daemon, wire.MaxDaemonName)
	}
	if c.Pool == nil {
		return c, fmt.Errorf("session: Config.Pool is nil")
	}
	c.MaxSessions = limit(c.MaxSessions, DefaultMaxSessions)
	c.MaxSessionMessages = limit(c.MaxSessionMessages, DefaultMaxSessionMessages)
	c.MaxHandshakes = limit(c.MaxHandshakes, DefaultMaxHandshakes)
	if c.MaxHandshakes < 1 {
		return c, fmt.Errorf("session: Config.MaxHandshakes must be at least 1")
	}
	if c.HandshakeTimeout == 0 {
		c.HandshakeTimeout = DefaultHandshakeTimeout
	}
	if c.Wake == nil {
		c.Wake = func() {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
