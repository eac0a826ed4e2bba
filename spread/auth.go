package spread

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spreadd/spreadd/wire"
)

// AuthMethod is one way to show a daemon who we are (client-protocol §4).
type AuthMethod interface {
	// Name is the method's name on the wire: 1 to 29 bytes without NUL.
	Name() string
	// Authenticate runs the private exchange of the method. rw is the raw
	// connection; it must read no byte beyond its own exchange. Whatever
	// deadline ctx has is already set on rw. An error ends the handshake.
	Authenticate(ctx context.Context, rw io.ReadWriter) error
}

// NullAuth is the method NULL, which asks for nothing. It is the default.
func NullAuth() AuthMethod { return silentAuth(wire.MethodNull) }

// IPAuth is the method IP: the daemon looks at the address that we come from.
func IPAuth() AuthMethod { return silentAuth(wire.MethodIP) }

// silentAuth is a method without an exchange.
type silentAuth string

// Name implements [AuthMethod].
func (a silentAuth) Name() string { return string(a) }

// Authenticate implements [AuthMethod].
func (a silentAuth) Authenticate(context.Context, io.ReadWriter) error { return nil }

// PasswordAuth is the method PWORD. The password travels in clear, and only
// its first 8 bytes count (client-protocol §4.4): use it where old daemons
// demand it. user has 1 to 31 bytes.
func PasswordAuth(user, password string) AuthMethod {
	return &passwordAuth{user: user, password: password}
}

type passwordAuth struct{ user, password string }

// passwordGood is the daemon's answer to a good password.
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
		return errors.New("user or password refused")
	}
	return nil
}
