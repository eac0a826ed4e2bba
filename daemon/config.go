package daemon

import (
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/engine"
)

// DefaultGrace is the default of [Config.Grace]: longer than a garbage
// collection or a busy scheduler keeps a healthy subscriber, shorter than what
// a web server's log pipe holds.
const DefaultGrace = 500 * time.Millisecond

// DefaultSocketDir is where C libraries look for a local daemon's socket.
const DefaultSocketDir = "/tmp"

// Config holds a daemon's settings.
type Config struct {
	// Engine has the configuration, which daemon this is, and the settings of the
	// ring. Its Pool is filled in.
	Engine engine.Config
	// Ring are the settings of the ring's sockets; Topology, Self, Pool and Log
	// are filled in. A daemon that has no address in the topology opens none.
	Ring transport.Config
	// DangerousMonitor lets monitors partition the daemons, end this one and set its
	// windows.
	DangerousMonitor bool
	// OnReload, if not nil, is called when a monitor asks for the configuration to be read again. It
	// must not wait: what it begins calls [Daemon.Reload] from another goroutine.
	OnReload func()
	// Listen are the TCP addresses for clients. A port of 0 asks the system
	// for one.
	Listen []netip.AddrPort
	// SocketDir is the directory of the UNIX socket, which is named after
	// Port. Empty: no UNIX socket.
	SocketDir string
	// Port is the segment's port; zero means that of the first listener.
	Port uint16
	// Sessions are the settings of the client side; Daemon, Pool and Log are
	// filled in.
	Sessions session.Config
	// Grace is for how long, in all, publishers wait for one receiver that
	// is behind and does not read. It refills with a tenth of the time that
	// passes, and with what the receiver takes, as if 20,000 messages or 4 MiB
	// were a second's work: no receiver holds publishers below that for long.
	// Zero means DefaultGrace, negative none.
	Grace time.Duration
	// Linger is for how long clients may read what is queued for them when
	// the daemon stops. Zero means one second, negative none.
	Linger time.Duration
	// Log is for what an operator wants to know; nil discards it.
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

// maxRingGrace bounds for how long the ring waits for a receiver.
const maxRingGrace = 100 * time.Millisecond

// ringGrace is for how long, of Grace, the ring waits for a receiver that is
// behind: a tenth of the time after which it would be given up, at most.
func (c *Config) ringGrace() time.Duration {
	grace := maxRingGrace
	if t := c.Engine.Timeouts.Token; t > 0 {
		grace = min(grace, t/10)
	}
	return min(grace, c.Grace)
}

func (c Config) withDefaults() (Config, error) {
	if len(c.Listen) == 0 && (c.SocketDir == "" || c.Port == 0) {
		return c, fmt.Errorf("daemon: no address and no UNIX socket to listen on for clients")
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
