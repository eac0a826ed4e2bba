package daemon

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/descrypt"
	"github.com/spreadd/spreadd/spreadconf"
	"github.com/spreadd/spreadd/wire"
)

// Access are the files that decide who may connect. Either may be nil: its
// method then refuses everyone.
type Access struct {
	IP       *spreadconf.AccessIP
	Password *spreadconf.AccessPword
}

// FromConf returns the configuration of daemon self of a spread.conf.
func FromConf(c *spreadconf.Config, self spreadconf.Self, access Access) (Config, error) {
	cfg := Config{
		Name:      self.Daemon.Name,
		ID:        wire.DaemonID(self.Daemon.ID),
		Port:      self.Segment.Port,
		SocketDir: DefaultSocketDir,
	}
	for _, d := range c.Daemons() {
		cfg.Daemons = append(cfg.Daemons, engine.Daemon{ID: wire.DaemonID(d.ID), Name: d.Name})
	}
	for _, a := range self.Daemon.ClientAddrs() {
		if a == self.Daemon.Addr {
			a = self.Addr // which has its zone
		}
		cfg.Listen = append(cfg.Listen, netip.AddrPortFrom(a, self.Segment.Port))
	}
	cfg.Sessions.MaxSessionMessages = c.Options.MaxSessionMessages
	if cfg.Sessions.MaxSessionMessages == 0 {
		cfg.Sessions.MaxSessionMessages = session.None
	}
	auth, err := authMethods(&c.Options, access)
	cfg.Sessions.Auth = auth
	return cfg, err
}

// authMethods turns the lists of names into methods. They are listed to clients
// in a fixed order, whatever that of the file (client-protocol §3.2).
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

// checkPasswords refuses a password file that can let nobody in.
func checkPasswords(p *spreadconf.AccessPword) error {
	if p == nil {
		return errors.New("method PWORD is enabled and there is no spread.access_pword, here or in /etc: write one, or take PWORD off the list")
	}
	if p.Len() == 0 {
		return errors.New("method PWORD is enabled and spread.access_pword names no user")
	}
	return nil
}

// nobody is a hash to compare with for a user that there is not, so that the
// time of an answer does not tell who there is.
const nobody = "xx0123456789."

func verifier(p *spreadconf.AccessPword) func(user, password string) bool {
	return func(user, password string) bool {
		hash, ok := p.Hash(user)
		if !ok {
			hash = nobody
		}
		return descrypt.Verify(password, hash) == nil && ok
	}
}
