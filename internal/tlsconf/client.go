package tlsconf

import (
	"crypto/tls"

	"github.com/spreadd/spreadd/internal/flags"
)

// Client has the TLS settings of a program that connects to a daemon.
type Client struct {
	CA          string `toml:"ca" help:"PEM file of the authorities that have signed the daemons' certificates (default: those of the system)"`
	Certificate string `toml:"certificate" help:"PEM file of the certificate that identifies this program to the daemon"`
	Key         string `toml:"key" help:"PEM file of the key of the certificate"`
}

// Flags adds the flags.
func (c *Client) Flags(s *flags.Set) {
	s.String(&c.CA, "tls-ca", "FILE", "PEM file of the authorities that have signed the daemons' certificates; with it or -tls-cert, TCP connections use TLS (default: those of the system)")
	s.String(&c.Certificate, "tls-cert", "FILE", "PEM file of the certificate that identifies this program to the daemon")
	s.String(&c.Key, "tls-key", "FILE", "PEM file of the key of -tls-cert")
}

// UsersFlag adds the flag for users that a daemon of this host may run as.
func UsersFlag(s *flags.Set, users *[]string) {
	s.Func("daemon-user", "USER...", "accept a daemon of this host that runs as this user, besides root, spread and your own; * accepts any", func(text string) error {
		*users = append(*users, text)
		return nil
	})
}

// Config returns the settings, or nil if no file is named: connections are then in clear text.
func (c *Client) Config(report func(error)) (*tls.Config, error) {
	if *c == (Client{}) {
		return nil, nil
	}
	return PEMFiles{Certificate: c.Certificate, Key: c.Key, CA: c.CA}.Client(report)
}
