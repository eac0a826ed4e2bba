package session

import (
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// Defaults of [Config].
const (
	// DefaultMaxSessions is ten times what a C daemon serves (client-protocol §1). Idle sessions take
	// less than 100 MB then.
	DefaultMaxSessions = 10_000
	// DefaultMaxSessionBytes bounds what waits for one client. It holds what a busy web farm logs
	// in some seconds.
	DefaultMaxSessionBytes = 64 << 20
	// DefaultMaxHandshakes bounds the connections without a finished handshake.
	DefaultMaxHandshakes = 1024
	// DefaultHandshakeTimeout bounds a whole handshake (client-protocol §3.4).
	DefaultHandshakeTimeout = 10 * time.Second
)

const (
	// inboxBatches bounds the batches between the readers and the owner. Each reader holds one
	// more. The bound is high enough not to stall readers in ordinary traffic, and allows at most
	// 16 MiB of messages.
	inboxBatches = 64
	// batchMessages bounds a batch, so that the owner checks the receivers' queues before one
	// publisher can fill them.
	batchMessages = 256
	// socketBuffer is the buffer size that C daemons and libraries request in each direction, in
	// bytes (client-protocol §2.1).
	socketBuffer = 200 << 10
)

// None stands for a limit of zero, because a zero value means the default; for no limit where that
// is said.
const None = -1

// Config holds a server's settings. Zero values mean the defaults, except in Daemon and Pool.
type Config struct {
	// Daemon is this daemon's name, up to 19 bytes from '$' to '~'.
	Daemon string
	// Pool provides the blocks that messages are read into.
	Pool *buf.Pool
	// MaxSessions bounds the sessions. A tenth of them, at most 64, is kept for local clients.
	MaxSessions int
	// MaxAddressSessions bounds the sessions from one address, of IPv6 from one network of 64 bits. It
	// does not hold for local clients. Zero means half of MaxSessions.
	MaxAddressSessions int
	// MaxSessionMessages is the length of an output queue at which a session is too slow. Zero
	// means no such bound. With [None] a session ends at its first delivery.
	MaxSessionMessages int
	// MaxSessionBytes is the size of an output queue at which a session is too slow. Each message
	// counts with its size and 128 bytes. With [None] there is no such bound.
	MaxSessionBytes int
	// MaxHandshakes bounds the connections in a handshake. Beyond it the oldest one of the address with
	// most is closed, a local one only if local clients have more than half.
	MaxHandshakes int
	// HandshakeTimeout bounds each handshake.
	HandshakeTimeout time.Duration
	// Auth decides who may connect.
	Auth Auth
	// Wake, if not nil, is called by any goroutine when the inbox has a new batch or a session has
	// recovered.
	Wake func()
	// Log is the server's log. Nil discards it.
	Log *slog.Logger
}

// limit returns the effective value of a limit.
func limit(v, def int) int {
	if v == 0 {
		return def
	}
	return max(0, v)
}

func (c Config) withDefaults() (Config, error) {
	if !wire.LegalDaemonName(c.Daemon) {
		return c, fmt.Errorf("session: daemon name %q: want 1 to %d bytes from '$' to '~', because it is part of the names of clients", c.Daemon, wire.MaxDaemonName)
	}
	if c.Pool == nil {
		return c, fmt.Errorf("session: Config.Pool is nil")
	}
	c.MaxSessions = limit(c.MaxSessions, DefaultMaxSessions)
	c.MaxAddressSessions = limit(c.MaxAddressSessions, max(1, c.MaxSessions/2))
	c.MaxSessionMessages = limit(c.MaxSessionMessages, math.MaxInt)
	switch {
	case c.MaxSessionBytes == 0:
		c.MaxSessionBytes = DefaultMaxSessionBytes
	case c.MaxSessionBytes < 0:
		c.MaxSessionBytes = math.MaxInt
	}
	c.MaxHandshakes = limit(c.MaxHandshakes, DefaultMaxHandshakes)
	if c.MaxHandshakes < 1 {
		return c, fmt.Errorf("session: Config.MaxHandshakes is negative, want at least 1")
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
