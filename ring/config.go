package ring

import (
	"fmt"
	"time"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

const (
	// FragmentBytes is the most that one packet carries of a message: the payload of an Ethernet
	// frame less headers (ring-protocol §6, §7.1).
	FragmentBytes = wire.MaxPacketBody
	// MaxSeq is the sequence number above which a ring ends and is formed anew, so that numbers
	// never wrap (ring-protocol §9).
	MaxSeq = 1 << 30
	// MaxRecoveryTurns is the number of turns after which a daemon gives up a recovery
	// (ring-protocol §13.3).
	MaxRecoveryTurns = 500
)

// Defaults of the configuration (ring-protocol §16.3, §16.4, §21).
const (
	DefaultWindow            = 160
	DefaultPersonalWindow    = 20
	DefaultAcceleratedWindow = 15
	DefaultQueueMessages     = 500
	DefaultTokenTimeout      = 1250 * time.Millisecond
	DefaultTokenTimeoutWide  = 5000 * time.Millisecond
	DefaultHurryTimeout      = 500 * time.Millisecond
	DefaultHurryTimeoutWide  = 1500 * time.Millisecond
)

// Config holds the settings of the ring. Zero values mean the defaults, except for Self, Topology
// and ConfHash.
type Config struct {
	// Self is the daemon that the ring runs in.
	Self wire.DaemonID
	// Topology is the configuration; nil means a configuration of Self alone.
	Topology *topology.Topology
	// ConfHash is the hash of the configuration, which goes into every datagram.
	ConfHash uint32

	// Window bounds the packets that all daemons together send in a round, PersonalWindow those
	// that this daemon sends (ring-protocol §16). Defaults: 160 and 20.
	Window, PersonalWindow int
	// Accelerated lets up to AcceleratedWindow packets of a turn follow the token (ring-protocol
	// §18). AcceleratedWindow defaults to 15; a negative value means none.
	Accelerated       bool
	AcceleratedWindow int
	// Wide is for daemons that are far from one another: it changes the defaults of the timeouts,
	// and sends one more copy of repeated tokens between segments (ring-protocol §21).
	Wide bool
	// TokenTimeout is the time without token and packets after which the ring is lost. Default:
	// 1.25 s, or 5 s when Wide.
	TokenTimeout time.Duration
	// HurryTimeout is the time after which the leader repeats the token, or releases one that it
	// holds. Default: 0.5 s, or 1.5 s when Wide.
	HurryTimeout time.Duration

	// QueueMessages bounds the users' messages that wait for the ring. Default:
	// DefaultQueueMessages.
	QueueMessages int
	// Overhead is how much longer the driver makes each datagram. If it is not 0, the ring fills
	// packets with the first parts of messages (sealing §4).
	Overhead int
	// Pool supplies the blocks for packets and messages; nil means a pool of the ring's own.
	Pool *buf.Pool
}

// WithDefaults returns the configuration with its defaults filled in.
func (c Config) WithDefaults() Config {
	c.setDefaults()
	return c
}

func (c *Config) setDefaults() {
	orInt := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	orInt(&c.Window, DefaultWindow)
	orInt(&c.PersonalWindow, min(DefaultPersonalWindow, c.Window))
	orInt(&c.AcceleratedWindow, min(DefaultAcceleratedWindow, c.PersonalWindow))
	c.AcceleratedWindow = max(c.AcceleratedWindow, 0)
	orInt(&c.QueueMessages, DefaultQueueMessages)
	token, hurry := DefaultTokenTimeout, DefaultHurryTimeout
	if c.Wide {
		token, hurry = DefaultTokenTimeoutWide, DefaultHurryTimeoutWide
	}
	if c.TokenTimeout == 0 {
		c.TokenTimeout = token
	}
	if c.HurryTimeout == 0 {
		c.HurryTimeout = hurry
	}
	if c.Pool == nil {
		c.Pool = new(buf.Pool)
	}
}

// validate checks the rules of ring-protocol §16.3.
func (c *Config) validate() error {
	switch {
	case c.Window < 0:
		return fmt.Errorf("ring: Window is %d, must be above 0", c.Window)
	case c.PersonalWindow < 0 || c.PersonalWindow > min(c.Window, maxUnstable):
		return fmt.Errorf("ring: PersonalWindow is %d, must be above 0, at most Window (%d) and at most %d", c.PersonalWindow, c.Window, maxUnstable)
	case c.Accelerated && c.AcceleratedWindow > c.PersonalWindow:
		return fmt.Errorf("ring: AcceleratedWindow is %d, must be at most PersonalWindow (%d)", c.AcceleratedWindow, c.PersonalWindow)
	case c.TokenTimeout < 0 || c.HurryTimeout < 0:
		return errTimeouts(c.TokenTimeout, c.HurryTimeout)
	case c.QueueMessages < 0:
		return fmt.Errorf("ring: QueueMessages is %d, must be above 0", c.QueueMessages)
	}
	return nil
}

func errTimeouts(token, hurry time.Duration) error {
	return fmt.Errorf("ring: timeouts are %v for the token and %v for hurry, both must be above 0", token, hurry)
}

// SetWindows changes the settings of flow control, as a monitor may ask for (monitor-protocol §6).
// A negative value leaves a window unchanged. On an error nothing changes.
func (r *Ring) SetWindows(window, personal, accelerated int) error {
	c := r.cfg
	set := func(v *int, to int) {
		if to >= 0 {
			*v = to
		}
	}
	set(&c.Window, window)
	set(&c.PersonalWindow, personal)
	set(&c.AcceleratedWindow, accelerated)
	if c.Window == 0 || c.PersonalWindow == 0 {
		return fmt.Errorf("ring: Window is %d and PersonalWindow %d, both must be above 0", c.Window, c.PersonalWindow)
	}
	if err := c.validate(); err != nil {
		return err
	}
	r.cfg = c
	return nil
}

// SetOverhead changes [Config.Overhead]. Packets that were made before keep their length.
func (r *Ring) SetOverhead(bytes int) { r.cfg.Overhead = bytes }

// room returns the longest body of a packet.
func (r *Ring) room() int { return FragmentBytes - r.cfg.Overhead }

// SetTimeouts changes the timeouts. Timers that are running are not affected.
func (r *Ring) SetTimeouts(token, hurry time.Duration) error {
	if token <= 0 || hurry <= 0 {
		return errTimeouts(token, hurry)
	}
	r.cfg.TokenTimeout, r.cfg.HurryTimeout = token, hurry
	return nil
}
