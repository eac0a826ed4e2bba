package daemon

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/descrypt"
	"github.com/spreadd/spreadd/internal/spreadconf"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/wire"
)

// Access holds the files that decide who may connect. Either may be nil: its method then refuses
// everyone.
type Access struct {
	IP       *spreadconf.AccessIP
	Password *spreadconf.AccessPword
}

// FromConf returns the configuration of daemon self of a spread.conf.
func FromConf(c *spreadconf.Config, self spreadconf.Self, access Access) (Config, error) {
	top, err := Topology(c)
	if err != nil {
		return Config{}, err
	}
	timeouts, err := c.EffectiveTimeouts()
	if err != nil {
		return Config{}, err
	}
	o := &c.Options
	cfg := Config{
		Port:             self.Segment.Port,
		SocketDir:        DefaultSocketDir,
		DangerousMonitor: o.DangerousMonitor,
		Engine: engine.Config{
			Topology: top, Self: wire.DaemonID(self.Daemon.ID), ConfHash: c.Hash(),
			Timeouts: membership.Timeouts(timeouts), Wide: c.WideArea(), Accelerated: c.AcceleratedAtStart(),
			Window: o.Window, PersonalWindow: o.PersonalWindow, AcceleratedWindow: acceleratedWindow(o),
		},
		Ring: transport.Config{Addr: self.Addr, IgnoreMulticastJoinErrors: o.IgnoreMulticastJoinErrors},
	}
	for _, i := range self.Daemon.Interfaces {
		cfg.Ring.Interfaces = append(cfg.Ring.Interfaces, transport.Interface{Addr: i.Addr, Use: use(i.Roles)})
	}
	clients := self.Daemon.ClientAddrs()
	if self.Daemon.Interfaces == nil && self.Addr.IsLoopback() {
		// No other host can be in the ring, so nothing listens beyond the loopback.
		cfg.Ring.Interfaces = []transport.Interface{{Addr: self.Addr}}
		clients = []netip.Addr{self.Daemon.Addr}
	}
	for _, a := range clients {
		if a == self.Daemon.Addr {
			a = self.Addr // It has the zone.
		}
		cfg.Listen = append(cfg.Listen, netip.AddrPortFrom(a, self.Segment.Port))
	}
	if c.Sets("MaxSessionMessages") { // Otherwise bytes alone are limited.
		cfg.Sessions.MaxSessionMessages = o.MaxSessionMessages
		if o.MaxSessionMessages == 0 {
			cfg.Sessions.MaxSessionMessages = session.None
		}
	}
	auth, err := authMethods(o, access)
	cfg.Sessions.Auth = auth
	return cfg, err
}

// Topology returns the daemons of a spread.conf as the machines see them.
func Topology(c *spreadconf.Config) (*topology.Topology, error) {
	segments := make([]topology.Segment, len(c.Segments))
	for i := range c.Segments {
		s := &c.Segments[i]
		segments[i] = topology.Segment{Port: s.Port, Addrs: s.Addrs}
		for _, d := range s.Daemons {
			segments[i].Daemons = append(segments[i].Daemons, topology.Daemon{
				ID: wire.DaemonID(d.ID), Name: d.Name, Addr: d.Addr,
			})
		}
	}
	return topology.New(segments)
}

// acceleratedWindow returns the window of the accelerated ring as package ring wants it, where zero
// means the default and a negative number means zero.
func acceleratedWindow(o *spreadconf.Options) int {
	if o.AcceleratedWindow == 0 {
		return -1
	}
	return o.AcceleratedWindow
}

// use converts the roles of an interface to those of package transport.
func use(r spreadconf.Roles) (u transport.Use) {
	for _, x := range []struct {
		role spreadconf.Roles
		use  transport.Use
	}{
		{spreadconf.RoleDaemon, transport.UseDaemon},
		{spreadconf.RoleClient, transport.UseClient},
		{spreadconf.RoleMonitor, transport.UseMonitor},
	} {
		if r&x.role != 0 {
			u |= x.use
		}
	}
	return u
}

// authMethods converts the lists of names to methods. Their order is fixed, whatever the order in
// the file, because clients see it (client-protocol §3.2).
func authMethods(o *spreadconf.Options, access Access) (session.Auth, error) {
	all := []struct {
		name   spreadconf.AuthMethod
		method session.Method
	}{
		{spreadconf.AuthNull, session.NullMethod{}},
		{spreadconf.AuthIP, session.IPMethod{Permits: access.IP.Permits}},
		{spreadconf.AuthPword, session.PasswordMethod{Verify: verifier(access.Password)}},
	}
	var auth session.Auth
	for _, m := range all {
		allowed := slices.Contains(o.AllowedAuthMethods, m.name)
		required := slices.Contains(o.RequiredAuthMethods, m.name)
		if allowed {
			auth.Allowed = append(auth.Allowed, m.method)
		}
		if required {
			auth.Required = append(auth.Required, m.method)
		}
		if m.name == spreadconf.AuthPword && (allowed || required) {
			if err := checkPasswords(access.Password); err != nil {
				return session.Auth{}, err
			}
		}
	}
	return auth, nil
}

// checkPasswords rejects a password file that cannot let anybody in.
func checkPasswords(p *spreadconf.AccessPword) error {
	if p == nil {
		return errors.New("method PWORD is enabled and there is no spread.access_pword, here or in /etc: create one or remove PWORD from the list")
	}
	if p.Len() == 0 {
		return errors.New("method PWORD is enabled and spread.access_pword names no user")
	}
	return nil
}

// nobody is the hash to compare with for an unknown user, so that the time of an answer does not
// reveal which users exist.
const nobody = "xx0123456789."

func verifier(p *spreadconf.AccessPword) func(user, password string) bool {
	return func(user, password string) bool {
		hash, ok := p.Hash(user)
		if !ok {
			hash = nobody
		}
		return descrypt.Verify(password, hash) && ok
	}
}
