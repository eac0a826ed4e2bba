package spread

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spreadd/spreadd/wire"
)

// AuthMethod is one way to authenticate to a daemon (client-protocol §4).
type AuthMethod interface {
	// Name returns the method's name on the wire: 1 to 29 bytes without NUL.
	Name() string
	// Authenticate runs the method's own exchange. rw is the raw connection, with the deadline of
	// ctx. Authenticate must not read beyond its exchange. An error ends the handshake.
	Authenticate(ctx context.Context, rw io.ReadWriter) error
}

// NullAuth returns the method NULL, which requires nothing. It is the default.
func NullAuth() AuthMethod { return silentAuth(wire.MethodNull) }

// IPAuth returns the method IP, for which the daemon checks the address of the client.
func IPAuth() AuthMethod { return silentAuth(wire.MethodIP) }

// silentAuth is a method without an exchange.
type silentAuth string

// Name implements [AuthMethod].
func (a silentAuth) Name() string { return string(a) }

// Authenticate implements [AuthMethod].
func (a silentAuth) Authenticate(context.Context, io.ReadWriter) error { return nil }

// PasswordAuth returns the method PWORD. The password travels in clear text, and only its first 8
// bytes count (client-protocol §4.4). Use it only where daemons demand it. user has 1 to 31 bytes.
func PasswordAuth(user, password string) AuthMethod {
	return &passwordAuth{user: user, password: password}
}

type passwordAuth struct{ user, password string }

// passwordGood is the daemon's answer to a correct password.
const passwordGood = 1

// Name implements [AuthMethod].
func (a *passwordAuth) Name() string { return wire.MethodPassword }

// Authenticate implements [AuthMethod].
func (a *passwordAuth) Authenticate(_ context.Context, rw io.ReadWriter) error {
	r, ok := wire.MakePasswordRequest(a.user, a.password)
	if !ok {
		return fmt.Errorf("user %q: want 1 to 31 bytes", a.user)
	}
	if _, err := rw.Write(r.Append(nil)); err != nil {
		return fmt.Errorf("sending user and password: %w", err)
	}
	var answer [1]byte
	if _, err := io.ReadFull(rw, answer[:]); err != nil {
		return fmt.Errorf("reading the answer to the password: %w", err)
	}
	if answer[0] != passwordGood {
		return errors.New("wrong user or password")
	}
	return nil
}
