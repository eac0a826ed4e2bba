package spreadconf

import (
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// DefaultPort is the port of a segment that names none, or 0.
const DefaultPort = 4803

// Bounds of a configuration (spread-conf §12). The first four are also sizes of structures in the
// daemons' protocol: files that exceed them cannot be shared with C daemons.
const (
	MaxDaemons      = 128 // in all segments together
	MaxSegments     = 20
	MaxSegmentAddrs = 5
	MaxInterfaces   = 10 // of one daemon
	MaxDaemonName   = 19 // bytes; longer names are cut
	MaxVirtualID    = 999999999
	MaxWindow       = 32767 // a C daemon keeps 16 bits with a sign
)

// Config is a configuration as it was understood. Parse fills in all of it; it is not changed
// afterwards.
type Config struct {
	File      string // as named by the caller; empty for Default
	IPVersion IPVersion
	Segments  []Segment // in file order, 1 to MaxSegments
	Options   Options
	// Warnings are for every reader of the file, in the order of their places.
	Warnings []Warning
	// Advice is for someone who asks to have the file checked.
	Advice []Warning

	set map[string]Pos // where each option was last set
}

// Segment is a list of daemons that share addresses and a port.
type Segment struct {
	Pos     Pos
	Addrs   []netip.Addr // multicast, broadcast or other; 1 to MaxSegmentAddrs; may have zones
	Port    uint16       // of UDP data, of clients and of the UNIX socket's name; tokens use the next one
	Daemons []Daemon     // in file order, at least one
}

// Daemon is one daemon of the configuration.
type Daemon struct {
	Pos  Pos
	Name string // 1 to MaxDaemonName bytes, unique
	// Addr is unique together with the segment's port. It may have a zone, which means something on
	// this host only.
	Addr     netip.Addr
	LookedUp bool   // Addr came from looking up the name
	ID       uint32 // unique
	IDGiven  bool   // by VirtualID, and not derived from the name
	// Interfaces is the interface list; nil if the daemon has none, and then it uses the wildcard
	// address for everything.
	Interfaces []Interface
}

// Interface is an entry of an interface list.
type Interface struct {
	Pos   Pos
	Roles Roles
	Addr  netip.Addr // may be a wildcard; may have a zone
}

// Roles are the kinds of traffic of an interface.
type Roles uint8

// The roles. RoleMonitor is accepted and has no effect, because monitors talk to the daemon's data
// socket (spread-conf §6).
const (
	RoleDaemon Roles = 1 << iota
	RoleClient
	RoleMonitor

	AllRoles = RoleDaemon | RoleClient | RoleMonitor

	roleLetters = "DCM" // in the file, by bit
)

// String returns the roles as the file has them, such as "D C".
func (r Roles) String() string {
	var s []string
	for i, letter := range roleLetters {
		if r&(1<<i) != 0 {
			s = append(s, string(letter))
		}
	}
	return strings.Join(s, " ")
}

//go:generate go tool -modfile=../../.ci/tools/go.mod stringer -type=IPVersion

// IPVersion is the address family of all daemons and segments of a file.
type IPVersion uint8

// The families. The zero value means that nothing fixed it, which no parsed configuration has.
const (
	IPv4 IPVersion = 4
	IPv6 IPVersion = 6
)

func versionOf(a netip.Addr) IPVersion {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

func (v IPVersion) wildcard() netip.Addr {
	if v == IPv4 {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

//go:generate go tool -modfile=../../.ci/tools/go.mod stringer -type=Tri -linecomment

// Tri is a switch with a third position, in which the daemon decides.
type Tri uint8

// The positions.
const (
	Auto Tri = iota // auto
	On              // on
	Off             // off
)

func triFromBool(b bool) Tri {
	if b {
		return On
	}
	return Off
}

// AuthMethod is the name of a way to authenticate clients.
type AuthMethod string

// The methods, in the order in which they are offered to clients (client-protocol §4).
const (
	AuthNull  AuthMethod = "NULL"  // anyone
	AuthIP    AuthMethod = "IP"    // by spread.access_ip
	AuthPword AuthMethod = "PWORD" // by spread.access_pword; C daemons know it only in special builds
)

func authMethods() []AuthMethod { return []AuthMethod{AuthNull, AuthIP, AuthPword} }

// Options are the options of a file, defaults filled in (spread-conf §7).
type Options struct {
	// Logging.
	DebugFlags    DebugFlags
	EventPriority Priority
	EventLogFile  string // as written; empty is standard output. See Options.LogFile
	TimeStamp     TimeStamp

	// Ring and flow control, in packets a token round.
	Window            int // of the whole ring, 1 to MaxWindow
	PersonalWindow    int // of one daemon, 1 to Window
	AcceleratedWindow int // sent after the token, 0 to MaxWindow
	AcceleratedRing   Tri // Auto: see Config.AcceleratedAtStart
	WideAreaNetwork   Tri // Auto: see Config.WideArea
	// Timeouts are those of the file; zero where it sets none. A daemon runs on
	// Config.EffectiveTimeouts.
	Timeouts Timeouts

	// Addresses.
	ExcludeSegAddrsFromHash   bool
	IgnoreMulticastJoinErrors bool

	// Process and clients.
	DangerousMonitor   bool   // monitors may partition, kill and set flow control
	SocketPortReuse    Tri    // of the client listeners
	RuntimeDir         string // chroot of a daemon started as root
	DaemonUser         string
	DaemonGroup        string
	MaxSessionMessages int // undelivered messages at which a client is disconnected
	// AllowedAuthMethods may be chosen by clients. Empty: nobody gets in.
	AllowedAuthMethods []AuthMethod
	// RequiredAuthMethods are checked for every client, whatever it chose.
	RequiredAuthMethods []AuthMethod
	AccessControlPolicy string
}

// DefaultOptions returns the options of a file that sets none.
func DefaultOptions() Options {
	return Options{
		DebugFlags:          DefaultDebugFlags,
		EventPriority:       PriorityInfo,
		Window:              160,
		PersonalWindow:      20,
		AcceleratedWindow:   15,
		RuntimeDir:          "/var/run/spread",
		DaemonUser:          "spread",
		DaemonGroup:         "spread",
		MaxSessionMessages:  1000,
		AllowedAuthMethods:  []AuthMethod{AuthNull},
		AccessControlPolicy: policyPermit,
	}
}

const policyPermit = "PERMIT"

// Timeouts are the timers of the membership protocol, all positive.
type Timeouts struct {
	Token, Hurry, Alive, Join, Rep, Seg, Gather, Form, Lookup time.Duration
}

// LocalAreaTimeouts returns the defaults of a local network.
func LocalAreaTimeouts() Timeouts {
	return timeoutsMillis(1250, 500, 250, 250, 625, 500, 1250, 1250, 30000)
}

// WideAreaTimeouts returns the defaults of a wide area network.
func WideAreaTimeouts() Timeouts {
	return timeoutsMillis(5000, 1500, 250, 250, 1250, 500, 2500, 2500, 45000)
}

func timeoutsMillis(ms ...int) (t Timeouts) {
	for i, d := range t.fields() {
		*d = time.Duration(ms[i]) * time.Millisecond
	}
	return t
}

// fields returns the timeouts in the order of the specification's tables.
func (t *Timeouts) fields() []*time.Duration {
	return []*time.Duration{
		&t.Token, &t.Hurry, &t.Alive, &t.Join, &t.Rep, &t.Seg, &t.Gather, &t.Form, &t.Lookup,
	}
}

// timeoutOptions are the options of Timeouts.fields, in their order.
func timeoutOptions() []string {
	return []string{
		"TokenTimeout", "HurryTimeout", "AliveTimeout", "JoinTimeout", "RepTimeout",
		"SegTimeout", "GatherTimeout", "FormTimeout", "LookupTimeout",
	}
}

// Default returns the configuration of a daemon without a file: "localhost", alone on the loopback
// device at the default port.
func Default() *Config {
	return &Config{
		IPVersion: IPv4,
		Segments: []Segment{{
			Addrs: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 255})},
			Port:  DefaultPort,
			Daemons: []Daemon{{
				Name: "localhost",
				Addr: netip.AddrFrom4([4]byte{127, 0, 0, 1}),
				ID:   DaemonID("localhost"),
			}},
		}},
		Options: DefaultOptions(),
	}
}

// Daemons returns all daemons in file order, which is the order of the ring, each with its segment.
func (c *Config) Daemons() iter.Seq2[*Segment, *Daemon] {
	return func(yield func(*Segment, *Daemon) bool) {
		for i := range c.Segments {
			s := &c.Segments[i]
			for j := range s.Daemons {
				if !yield(s, &s.Daemons[j]) {
					return
				}
			}
		}
	}
}

// ClientAddrs returns the addresses on which the daemon listens for clients: those of its C
// interfaces, or the wildcard address if it has no list. It is empty if the list has no C
// interface.
func (d *Daemon) ClientAddrs() (addrs []netip.Addr) {
	if d.Interfaces == nil {
		return []netip.Addr{versionOf(d.Addr).wildcard()}
	}
	for _, i := range d.Interfaces {
		if i.Roles&RoleClient != 0 && !slices.Contains(addrs, i.Addr) {
			addrs = append(addrs, i.Addr)
		}
	}
	return addrs
}

// WideArea reports whether the wide area defaults hold: as the file says, or by default if there is
// more than one segment.
func (c *Config) WideArea() bool {
	if c.Options.WideAreaNetwork == Auto {
		return len(c.Segments) > 1
	}
	return c.Options.WideAreaNetwork == On
}

// AcceleratedAtStart reports whether a daemon that starts runs the accelerated protocol: only if
// the file says so, because C daemons decide before they look at anything else (spread-conf §10).
func (c *Config) AcceleratedAtStart() bool { return c.Options.AcceleratedRing == On }

// AcceleratedAfterReload reports whether a C daemon runs the accelerated protocol once it has
// reloaded this file. If that is not AcceleratedAtStart, its hash changes too, to HashFor(true):
// the ring is then closed to daemons that start.
func (c *Config) AcceleratedAfterReload() bool {
	if c.Options.AcceleratedRing == Auto {
		return !c.WideArea()
	}
	return c.Options.AcceleratedRing == On
}

// EffectiveTimeouts returns the timeouts that the daemon runs on: those of the file, or the
// defaults of its network if it sets none. A file that sets some but not all of them gives an
// *Error with CodeTimeoutsPartial (spread-conf §8).
func (c *Config) EffectiveTimeouts() (Timeouts, error) {
	own := c.Options.Timeouts
	var missing, present []string
	for i, d := range own.fields() {
		if name := timeoutOptions()[i]; *d == 0 {
			missing = append(missing, name)
		} else {
			present = append(present, name)
		}
	}
	switch {
	case len(missing) == 0:
		return own, nil
	case len(present) > 0:
		at, text := c.where(present[0])
		return Timeouts{}, failAt(at, text, CodeTimeoutsPartial,
			"some of the nine timeouts are set, but not "+strings.Join(missing, ", "), "set all nine, or none")
	case c.WideArea():
		return WideAreaTimeouts(), nil
	default:
		return LocalAreaTimeouts(), nil
	}
}

// Sets reports whether the file sets an option.
func (c *Config) Sets(option string) bool {
	_, ok := c.set[option]
	return ok
}

// where returns the place and the name of the first of the options that the file sets, or the file
// alone.
func (c *Config) where(options ...string) (Pos, string) {
	for _, name := range options {
		if at, ok := c.set[name]; ok {
			return at, name
		}
	}
	return Pos{File: c.File}, ""
}
