package daemon

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"time"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/memlimit"
	"github.com/spreadd/spreadd/internal/seal"
)

// DefaultGrace is the default of [Config.Grace]. It is longer than a garbage collection or a busy
// scheduler delays a healthy subscriber, and shorter than the time that a web server's log pipe can
// buffer.
const DefaultGrace = 500 * time.Millisecond

// DefaultMaxMemory is the default of [Config.MaxMemory].
const DefaultMaxMemory = 512 << 20

// DefaultSocketDir is the directory in which C libraries look for a local daemon's socket.
const DefaultSocketDir = "/tmp"

// Config holds a daemon's settings.
type Config struct {
	// Engine holds the topology, which daemon this is, and the settings of the ring. New sets its
	// Pool and Seed.
	Engine engine.Config
	// Ring holds the settings of the ring's sockets. Listen sets Topology, Self, Pool, Poller and
	// Log. A daemon without an address in the topology opens none.
	Ring transport.Config
	// RingKeys are the keys with which the daemons of the ring seal their datagrams. Nil means
	// plain datagrams, as C daemons send them. After a reload, a new key is used when all members
	// of the ring have it.
	RingKeys *seal.Keyring
	// DangerousMonitor lets monitors partition the daemons, stop this one and set its windows.
	DangerousMonitor bool
	// OnReload, if not nil, is called when a monitor requests a reload of the configuration. It
	// must not block: it starts another goroutine, which calls [Daemon.Reload].
	OnReload func()
	// Listen holds the TCP addresses for clients. With port 0 the system chooses one.
	Listen []netip.AddrPort
	// TLSListen holds the TCP addresses for clients that speak TLS, as HOST:PORT, and TLS the settings for
	// them.
	TLSListen []string
	TLS       *tls.Config
	// SocketDir is the directory of the UNIX socket, whose name is Port. If it is empty, there is
	// no UNIX socket.
	SocketDir string
	// RunDir is the directory of a second UNIX socket, RunDir/Port.sock, for services whose /tmp is
	// their own. Run goes on if it cannot be opened. Empty means no such socket.
	RunDir string
	// SocketMode is the permissions of both UNIX sockets. Zero means 0666: every local user may
	// connect, as with C daemons.
	SocketMode fs.FileMode
	// SocketGroup is the name of the group of both UNIX sockets. Empty means that of the process.
	SocketGroup string
	// StateDir is the directory of the file that keeps membership ids unique over restarts. If it
	// is empty, the ids of each life begin at a random time, up to a day ahead of the clock.
	StateDir string
	// Port is the port of the segment. Zero means the port of the first listener.
	Port uint16
	// Sessions holds the settings of the clients' side. New sets Daemon, Pool, Log and Wake.
	Sessions session.Config
	// MaxMemory bounds the memory of all messages and packets, in bytes. When it is reached, the
	// client that has most waiting is disconnected, and so on. Zero means [DefaultMaxMemory], or a
	// quarter of the memory that the process may use if that is less.
	MaxMemory int64
	// Grace is the total time for which publishers wait for one receiver that is behind and does
	// not read. It refills by a tenth of the time that passes, and by what the receiver takes: by
	// one second for 20,000 messages or 4 MiB. So no receiver holds publishers below that rate for
	// long. Zero means DefaultGrace, negative means no wait.
	Grace time.Duration
	// Linger is the time for which clients may read what is queued for them when the daemon stops.
	// Zero means one second. Negative means none, and other daemons do not hear of it either, as if
	// the process were killed.
	Linger time.Duration
	// Log is the daemon's log. Nil discards it.
	Log *slog.Logger
}

// Name returns the daemon's name, or "" if it is not in its configuration.
func (c *Config) Name() string {
	if c.Engine.Topology == nil {
		return ""
	}
	if d := c.Engine.Topology.Daemon(c.Engine.Self); d != nil {
		return d.Name
	}
	return ""
}

// maxRingGrace bounds the time for which the ring waits for a receiver.
const maxRingGrace = 100 * time.Millisecond

// ringGrace returns the part of Grace for which the ring waits for a receiver that is behind. It is
// at most a tenth of the token timeout, so that the other daemons do not take the wait for a
// failure.
func (c *Config) ringGrace() time.Duration {
	grace := maxRingGrace
	if t := c.Engine.Timeouts.Token; t > 0 {
		grace = min(grace, t/10)
	}
	return min(grace, c.Grace)
}

func (c Config) withDefaults() (Config, error) {
	if len(c.Listen) == 0 && (c.SocketDir == "" || c.Port == 0) {
		return c, fmt.Errorf("daemon: no TCP address and no UNIX socket for clients")
	}
	if len(c.TLSListen) > 0 && c.TLS == nil {
		return c, fmt.Errorf("daemon: addresses for TLS clients and no settings of TLS")
	}
	if c.SocketMode == 0 {
		c.SocketMode = socketMode
	}
	if c.MaxMemory <= 0 {
		c.MaxMemory = DefaultMaxMemory
		if limit := memlimit.Limit(); limit > 0 {
			c.MaxMemory = min(c.MaxMemory, limit/4)
		}
	}
	if c.Grace == 0 {
		c.Grace = DefaultGrace
	}
	c.Grace = max(0, c.Grace)
	if c.Linger == 0 {
		c.Linger = time.Second
	}
	c.Linger = max(0, c.Linger)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
