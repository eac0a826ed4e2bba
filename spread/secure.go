package spread

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// encrypt performs the handshake of TLS on a connection over TCP if the program wants that.
func (o *options) encrypt(ctx context.Context, nc net.Conn, e endpoint) (net.Conn, error) {
	if o.secure == nil || e.network != "tcp" {
		return nc, nil
	}
	cfg := o.secure.Clone()
	cfg.MinVersion = tls.VersionTLS13
	if cfg.ServerName == "" {
		host, _, err := net.SplitHostPort(e.address)
		if err != nil {
			_ = nc.Close() // nothing was sent
			return nil, &Error{Code: ErrIllegalSpread, Err: err}
		}
		cfg.ServerName, _, _ = strings.Cut(host, "%") // the zone of an address is no part of its name
	}
	// Package tls hands on no name that is an address, because TLS does not send it. Verification
	// without a name would accept every host with a certificate of the authority.
	if verify := cfg.VerifyConnection; verify != nil {
		cfg.VerifyConnection = func(cs tls.ConnectionState) error {
			cs.ServerName = cmp.Or(cs.ServerName, cfg.ServerName)
			return verify(cs)
		}
	}
	tune(nc)
	c := tls.Client(nc, cfg)
	if err := c.HandshakeContext(ctx); err != nil {
		_ = nc.Close() // no session was opened
		if ctx.Err() != nil {
			return nil, &Error{Code: ErrConnectionClosed, Err: ctx.Err()}
		}
		// A daemon answers on its port for clear text with one byte.
		if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w; use the daemon's port for TLS", err)
		}
		return nil, &Error{Code: ErrCouldNotConnect, Err: fmt.Errorf("TLS handshake with %s: %w", e.address, err)}
	}
	return c, nil
}
