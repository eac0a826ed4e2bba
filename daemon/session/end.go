package session

//go:generate go tool -modfile=../../.ci/tools/go.mod stringer -type=End -linecomment

// End is the reason why a connection ended. The zero value means that it has not ended.
type End uint8

// The ends of a handshake, then those of a session. The comment at the end of a line is the name in
// logs and metrics.
const (
	// HandshakeQuota means that MaxSessions are open.
	HandshakeQuota End = iota + 1 // handshake_quota
	// HandshakeAddress means that MaxAddressSessions from the client's address are open.
	HandshakeAddress // handshake_address
	// HandshakeVersion means a client version below 3.1.0.
	HandshakeVersion // handshake_version
	// HandshakeName means that the name is too long or has an illegal byte.
	HandshakeName // handshake_name
	// HandshakeNotUnique means that the name is taken.
	HandshakeNotUnique // handshake_not_unique
	// HandshakeAuth means that an authentication method failed or is not allowed.
	HandshakeAuth // handshake_auth
	// HandshakeForbidden means that no rule matches the client.
	HandshakeForbidden // handshake_forbidden
	// HandshakeNameForbidden means that the rules do not allow the client this name.
	HandshakeNameForbidden // handshake_name_forbidden
	// HandshakeTLS means that the client did not speak TLS 1.3, had no certificate that is accepted, or
	// did not accept the daemon's.
	HandshakeTLS // handshake_tls
	// HandshakeTimeout means that the handshake was not complete in time.
	HandshakeTimeout // handshake_timeout
	// HandshakeClosed means that the client closed the connection or it failed.
	HandshakeClosed // handshake_closed
	// HandshakeEvicted means that it was the oldest of too many handshakes.
	HandshakeEvicted // handshake_evicted

	// SessionKill means that the client requested its disconnect.
	SessionKill // kill
	// SessionClosed means that the client closed the connection or it failed.
	SessionClosed // closed
	// SessionIllegal means that the client sent a header that the protocol forbids.
	SessionIllegal // illegal
	// SessionSlow means that as much as the bound waited and the client did not read.
	SessionSlow // slow
	// SessionShutdown means that the daemon stopped.
	SessionShutdown // shutdown

	numEnds
)

// NumEnds is one more than the largest end.
const NumEnds = int(numEnds)
