package spreadconf

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Environment is what a configuration has to know about the host. Functions may be missing; each
// says what is assumed then.
type Environment struct {
	// LookupHost returns the addresses of a name, best first. Missing: no name can be looked up.
	LookupHost func(name string) ([]netip.Addr, error)
	// LocalAddrs returns the addresses of this host: those of its interfaces, IPv6 ones with their
	// zones, and those that its own name has. Missing: it has none.
	LocalAddrs func() ([]netip.Addr, error)
	// Hostname returns the name of this host, for %h in EventLogFile. Missing: "localhost".
	Hostname func() (string, error)
	// ZoneIndex returns the index of the interface that an IPv6 zone names. Missing: all zones are
	// believed.
	ZoneIndex func(zone string) (index int, ok bool)
}

// hostNameTimeout bounds how long LocalAddrs waits for the addresses of the host's own name: those
// of its interfaces matter more, and a daemon has to start while a name server is down.
const hostNameTimeout = 2 * time.Second

// SystemEnvironment returns the environment of this host.
func SystemEnvironment() Environment {
	return Environment{
		LookupHost: func(name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(context.Background(), "ip", name)
		},
		LocalAddrs: systemAddrs,
		Hostname:   os.Hostname,
		ZoneIndex:  systemZone,
	}
}

func systemAddrs() ([]netip.Addr, error) {
	ifaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("listing this host's interfaces: %w", err)
	}
	var addrs []netip.Addr
	for i := range ifaces {
		list, err := ifaces[i].Addrs()
		if err != nil {
			continue // it went away meanwhile
		}
		for _, a := range list {
			prefix, ok := a.(*net.IPNet)
			if !ok {
				continue
			}
			addr, _ := netip.AddrFromSlice(prefix.IP)
			if addr = addr.Unmap(); addr.Is6() {
				addr = addr.WithZone(ifaces[i].Name)
			}
			addrs = append(addrs, addr)
		}
	}
	host, err := os.Hostname()
	if err != nil {
		return addrs, nil // a host without a name has no addresses by it
	}
	ctx, cancel := context.WithTimeout(context.Background(), hostNameTimeout)
	defer cancel()
	named, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return addrs, nil // likewise for one whose name is unknown
	}
	for _, a := range named {
		addrs = append(addrs, a.Unmap())
	}
	return addrs, nil
}

func systemZone(zone string) (int, bool) {
	if i, err := net.InterfaceByName(zone); err == nil {
		return i.Index, true
	}
	n, err := strconv.Atoi(zone)
	if err != nil {
		return 0, false
	}
	_, err = net.InterfaceByIndex(n)
	return n, err == nil
}

var (
	errNoResolver  = errors.New("no resolver is configured")
	errNoAddress   = errors.New("it has no address")
	errLiteral     = errors.New("it looks like an address")
	errNoLocalAddr = errors.New("the addresses of this host are unknown")
)

// lookup returns the addresses of a name, at least one.
func (env *Environment) lookup(name string) ([]netip.Addr, error) {
	if looksLikeAddr(name) {
		return nil, errLiteral
	}
	if env.LookupHost == nil {
		return nil, errNoResolver
	}
	found, err := env.LookupHost(name)
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, a := range found {
		if a.IsValid() {
			addrs = append(addrs, a.Unmap())
		}
	}
	if len(addrs) == 0 {
		return nil, errNoAddress
	}
	return addrs, nil
}

// Self is the daemon that this host is to run.
type Self struct {
	Segment *Segment // in Config.Segments
	Daemon  *Daemon  // in Segment.Daemons
	// Addr is Daemon.Addr. If that is IPv6 without a zone, it has the zone of the interface that
	// carries it: use it for sockets, and Daemon.Addr to compare.
	Addr netip.Addr
}

// Self finds out which daemon to run: the one called name or, if name is empty, the first whose
// address is one of the host's. The address has to be exactly one of the host's in both cases.
// Errors are of type [*Error], with CodeNameTooLong, CodeOwnNameNotFound, CodeOwnAddressNotLocal or
// CodeOwnAddressNotFound (spread-conf §9).
func (c *Config) Self(env Environment, name string) (Self, error) {
	nowhere := Pos{File: c.File}
	if len(name) > MaxDaemonName {
		return Self{}, failAt(nowhere, "", CodeNameTooLong,
			"the name of this daemon, "+show(name)+", has "+strconv.Itoa(len(name))+" bytes",
			"give the name truncated as in the configuration, to "+strconv.Itoa(MaxDaemonName))
	}
	var local []netip.Addr
	err := errNoLocalAddr
	if env.LocalAddrs != nil {
		local, err = env.LocalAddrs()
	}
	if err != nil {
		e := failAt(nowhere, "", CodeOwnAddressNotFound, "cannot determine which daemon of the configuration this host runs", "")
		e.Err = err
		return Self{}, e
	}
	for s, d := range c.Daemons() {
		if name != "" && d.Name != name {
			continue
		}
		addr, ok := env.isLocal(d.Addr, local)
		switch {
		case ok:
			return Self{Segment: s, Daemon: d, Addr: addr}, nil
		case name != "":
			return Self{}, failAt(d.Pos, d.Name, CodeOwnAddressNotLocal,
				"the address "+d.Addr.String()+" of daemon "+show(d.Name)+" is not one of this host",
				"this host has "+list(local)+"; correct the file, or the address of an interface")
		}
	}
	if name != "" {
		return Self{}, failAt(nowhere, "", CodeOwnNameNotFound, "the configuration has no daemon "+show(name), "its daemons are "+c.names())
	}
	return Self{}, failAt(nowhere, "", CodeOwnAddressNotFound, "no daemon of the configuration has an address of this host",
		"this host has "+list(local)+"; add it to the file")
}

// isLocal looks for an address among those of the host, and returns it with a zone if it has one.
func (env *Environment) isLocal(a netip.Addr, local []netip.Addr) (netip.Addr, bool) {
	for _, l := range local {
		switch {
		case a.WithZone("") != l.WithZone(""):
		case a.Zone() == "":
			return l, true
		case l.Zone() == "" || env.sameZone(a.Zone(), l.Zone()):
			return a, true
		}
	}
	return netip.Addr{}, false
}

// sameZone reports whether two zones name one interface, by name or number.
func (env *Environment) sameZone(a, b string) bool {
	if a == b || env.ZoneIndex == nil {
		return a == b
	}
	i, ok := env.ZoneIndex(a)
	j, ok2 := env.ZoneIndex(b)
	return ok && ok2 && i == j
}

const maxListed = 10

func list(addrs []netip.Addr) string {
	var s []string
	for _, a := range addrs {
		if text := a.WithZone("").String(); !slices.Contains(s, text) {
			s = append(s, text)
		}
	}
	return listText(s)
}

func (c *Config) names() string {
	var s []string
	for _, d := range c.Daemons() {
		s = append(s, d.Name)
	}
	return listText(s)
}

func listText(s []string) string {
	if len(s) == 0 {
		return "none"
	}
	if more := len(s) - maxListed; more > 0 {
		s = append(s[:maxListed:maxListed], "and "+strconv.Itoa(more)+" more")
	}
	return strings.Join(s, ", ")
}

// LogFile returns the name of the log file, with %h and %H replaced by the name of this host; it is
// empty for standard output.
func (o *Options) LogFile(env Environment) (string, error) {
	if !strings.Contains(o.EventLogFile, "%h") && !strings.Contains(o.EventLogFile, "%H") {
		return o.EventLogFile, nil
	}
	host := "localhost"
	if env.Hostname != nil {
		var err error
		if host, err = env.Hostname(); err != nil {
			return "", fmt.Errorf("finding the name of this host for EventLogFile %s: %w", show(o.EventLogFile), err)
		}
	}
	return strings.NewReplacer("%h", host, "%H", host).Replace(o.EventLogFile), nil
}
