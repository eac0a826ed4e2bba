package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/tlsconf"
	"github.com/spreadd/spreadd/spread"
)

// MaxName is the length of the longest private name. The original cuts longer ones.
const MaxName = 10

// DefaultAddress is that of the daemon on this host.
const DefaultAddress = "4803"

// Options say which daemon to connect to, and as whom.
type Options struct {
	Address  string
	Name     string // private name; empty: the daemon makes one up
	User     string // for the method PWORD; empty means NULL
	Password string
	TLS      tlsconf.Client
	Users    []string // that a daemon of this host may run as
	secure   *tls.Config
}

// Flags adds the flags of a connection to a command.
func (o *Options) Flags(s *flags.Set) {
	o.Address = DefaultAddress
	s.Group("Connection")
	s.String(&o.Address, "s", "ADDRESS", "daemon to connect to: PORT for this host or PORT@HOST")
	s.Func("u", "NAME", "private name to ask for, at most 10 characters (default: the daemon chooses one)", func(text string) error {
		if len(text) > MaxName {
			return fmt.Errorf("want at most %d characters", MaxName)
		}
		o.Name = text
		return nil
	})
	o.Login(s)
}

// Login adds the flags of a user and a password.
func (o *Options) Login(s *flags.Set) {
	s.String(&o.User, "n", "USER", "user for daemons that require the PWORD method; needs -p")
	s.String(&o.Password, "p", "PASSWORD", "password; needs -n")
	o.TLS.Flags(s)
	tlsconf.UsersFlag(s, &o.Users)
}

// Check returns what is wrong with the flags.
func (o *Options) Check() error {
	if (o.User != "") != (o.Password != "") {
		return errors.New("-n and -p need each other")
	}
	var err error
	o.secure, err = o.TLS.Config(nil)
	return err
}

// Dialing returns the options of [spread.Dial].
func (o *Options) Dialing() []spread.Option {
	opts := []spread.Option{spread.WithName(o.Name), spread.WithMembership(true), spread.WithNotices(true), spread.WithTLS(o.secure), spread.WithSocketUsers(o.Users...)}
	if o.User != "" {
		opts = append(opts, spread.WithAuth(spread.PasswordAuth(o.User, o.Password)))
	}
	return opts
}

// Dial connects once, within [ConnectTimeout].
func (o *Options) Dial(ctx context.Context) (*spread.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, ConnectTimeout)
	defer cancel()
	conn, err := spread.Dial(ctx, o.Address, o.Dialing()...)
	if err != nil {
		return nil, Explain(err)
	}
	return conn, nil
}

// Lasting connects, within [ConnectTimeout], for longer than the connection lives.
func (o *Options) Lasting(ctx context.Context) (*Lasting, error) {
	ctx, cancel := context.WithTimeout(ctx, ConnectTimeout)
	defer cancel()
	conn, err := dialLasting(ctx, o.Address, o.Dialing(), true)
	if err != nil {
		return nil, Explain(err)
	}
	return conn, nil
}

// Explain returns the error of connecting with advice on the flags. Package spread adds the rest.
func Explain(err error) error {
	advice := ""
	switch {
	case errors.Is(err, spread.ErrRejectNotUnique):
		advice = "; another client of this daemon has the name: choose another one with -u"
	case errors.Is(err, spread.ErrRejectAuth):
		advice = "; check -n and -p, AllowedAuthMethods in spread.conf, and [[allow]] in the settings of spreadd"
	}
	return fmt.Errorf("cannot connect: %w%s", err, advice)
}
