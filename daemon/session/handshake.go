package session

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// handshake turns a connection into a session (client-protocol §3). It reads exactly the bytes of
// each step and waits for them until the connection's deadline, so they may arrive in any pieces.
type handshake struct {
	server  *Server
	conn    net.Conn
	from    source
	version wire.Version
	private string    // the name that the connection has claimed, or ""
	group   wire.Name // "#private#daemon"
	peer    Credentials
	unread  bool // whether a rejection was sent and the client may have sent more
}

// secure performs the handshake of TLS, if the client is to speak that. What follows is encrypted.
func (h *handshake) secure(cfg *tls.Config) End {
	if cfg == nil {
		return 0
	}
	c := tls.Server(h.conn, cfg)
	if err := c.Handshake(); err != nil {
		return h.insecure(err)
	}
	h.peer.identify(c.ConnectionState())
	h.conn = &secureConn{Conn: c, raw: h.conn}
	return 0
}

// insecure reports a handshake of TLS that has failed. A client that was only slow or has gone is no
// sign of a wrong setting.
func (h *handshake) insecure(err error) End {
	if end := h.failed(err); end == HandshakeTimeout || errors.Is(err, io.EOF) {
		return end
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		h.server.warn("client does not speak TLS on the port for TLS; use the port of spread.conf, or -tls-ca", slog.String("peer", peer(h.conn)))
		return HandshakeTLS
	}
	h.server.warn("TLS handshake failed", slog.String("peer", peer(h.conn)), slog.Any("error", err))
	return HandshakeTLS
}

// run performs the handshake. full is the quota that was exhausted when the connection was accepted,
// or 0. The connection gets its name and its place only after it has been authenticated. A zero End
// means that the session is open and the owner knows it; the caller sends the accept message.
func (h *handshake) run(full End) (*Session, End) {
	if full != 0 {
		return nil, h.refuse(full, wire.RejectQuota)
	}
	req, end := h.readRequest()
	if end != 0 {
		return nil, end
	}
	if !h.server.available(string(req.Name)) {
		return nil, h.refuse(HandshakeNotUnique, wire.RejectNotUnique)
	}
	if end := h.authenticate(); end != 0 {
		return nil, end
	}
	if end := h.permit(string(req.Name)); end != 0 {
		return nil, end
	}
	h.private, end = h.server.claim(string(req.Name), h.from)
	switch end {
	case 0:
	case HandshakeQuota, HandshakeAddress:
		return nil, h.refuse(end, wire.RejectQuota)
	default:
		return nil, h.refuse(end, wire.RejectNotUnique)
	}
	group, err := wire.PrivateGroup(h.private, h.server.cfg.Daemon)
	if err != nil {
		return nil, h.refuse(HandshakeName, wire.RejectIllegalName)
	}
	h.group = group
	sess := h.server.open(h, req.Flags&wire.FlagMembership != 0)
	// The owner must know the session before the client knows that it is accepted. Then everyone
	// who learns of the session from the client can reach it.
	if !sess.announce() {
		return nil, HandshakeClosed
	}
	return sess, 0
}

// permit decides by the rules whether the client may connect with this name.
func (h *handshake) permit(name string) End {
	rights := h.server.auth.Load().Rules.Of(h.peer.Client())
	attrs := []any{
		slog.String("peer", peer(h.conn)), slog.String("name", name), slog.String("identity", h.peer.Identity), slog.String("user", h.peer.User),
	}
	switch {
	case rights.None():
		h.server.warn("client refused: no rule of [[allow]] matches it", attrs...)
		return h.refuse(HandshakeForbidden, wire.RejectAuth)
	case !rights.Name(name):
		h.server.warn("client refused: no rule of [[allow]] that matches it allows this private name", attrs...)
		return h.refuse(HandshakeNameForbidden, wire.RejectIllegalName)
	default:
		return 0
	}
}

// recordHandshake is the first byte of a connection that speaks TLS. The second one is 3.
const recordHandshake = 22

// readRequest reads and checks the connect request (client-protocol §3.4 steps 2 to 6).
func (h *handshake) readRequest() (wire.ConnectRequest, End) {
	// The longest request has a name of full length.
	b := make([]byte, 0, 5+wire.MaxPrivateName)
	for {
		need := wire.ConnectRequestSize(b)
		if len(b) == need {
			break
		}
		from := len(b)
		b = b[:need]
		if _, err := io.ReadFull(h.conn, b[from:]); err != nil {
			return wire.ConnectRequest{}, h.failed(err)
		}
	}
	h.version = wire.Version{Major: b[0], Minor: b[1]}
	if h.version == (wire.Version{Major: recordHandshake, Minor: 3}) {
		h.server.warn("client speaks TLS on a port for clear text; use the port of [tls] in spreadd.toml", slog.String("peer", peer(h.conn)))
	}
	// C daemons treat these bytes as signed, so versions from 128 on count as old.
	if h.version.Major > 127 || !h.version.AtLeast(3, 1, 0) {
		return wire.ConnectRequest{}, h.refuse(HandshakeVersion, wire.RejectVersion)
	}
	var req wire.ConnectRequest
	if _, err := req.Decode(b); err != nil {
		return req, h.refuse(HandshakeName, wire.RejectIllegalName)
	}
	h.version = req.Version
	if len(req.Name) > 0 && !wire.LegalPrivateName(req.Name) {
		return req, h.refuse(HandshakeName, wire.RejectIllegalName)
	}
	return req, 0
}

// authenticate offers methods to clients that can choose, and runs the chosen and the required
// ones.
func (h *handshake) authenticate() End {
	auth := h.server.auth.Load()
	if !h.version.Negotiates() {
		methods, ok := auth.forOld()
		if !ok {
			return h.refuse(HandshakeAuth, wire.RejectAuth)
		}
		return h.check(methods)
	}
	if _, err := h.conn.Write(auth.list().Append(nil)); err != nil {
		return h.failed(err)
	}
	if len(auth.Allowed) == 0 {
		return h.refuse(HandshakeAuth, wire.RejectAuth)
	}
	var b [wire.MethodChoiceLen]byte
	if _, err := io.ReadFull(h.conn, b[:]); err != nil {
		return h.failed(err)
	}
	choice := wire.MethodChoice(b)
	methods, ok := auth.chosen(&choice)
	if !ok {
		return h.refuse(HandshakeAuth, wire.RejectAuth)
	}
	return h.check(methods)
}

// check runs all methods even if one fails, so that the time does not reveal which one failed.
func (h *handshake) check(methods []Method) End {
	good := true
	for _, m := range methods {
		h.peer.Methods = append(h.peer.Methods, m.Name())
		ok, err := m.Authenticate(h.conn)
		if err != nil {
			return h.failed(err)
		}
		good = good && ok
	}
	if !good {
		return h.refuse(HandshakeAuth, wire.RejectAuth)
	}
	return 0
}

// acceptMessage returns the message that ends a successful handshake.
func (h *handshake) acceptMessage() []byte {
	a := wire.Accept{Version: wire.OurVersion, Group: h.group.Bytes()}
	return a.Append(nil, h.version.HasPatch())
}

// refuse sends a rejection: one byte.
func (h *handshake) refuse(end End, code wire.Code) End {
	_, err := h.conn.Write([]byte{byte(code)})
	h.unread = err == nil
	return end
}

// failed returns the End for an error of the connection.
func (h *handshake) failed(err error) End {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return HandshakeTimeout
	}
	return HandshakeClosed
}

// Bounds of drain.
const (
	drainTime  = 250 * time.Millisecond
	drainBytes = 64 << 10
)

// drain reads what the client has sent, within bounds, before the connection is closed after a
// rejection. If bytes of the client were unread, the kernel would send a reset, which could
// overtake the rejection.
func (h *handshake) drain() {
	if !h.unread {
		return
	}
	if c, ok := h.conn.(interface{ CloseWrite() error }); ok {
		if c.CloseWrite() != nil {
			return
		}
	}
	if h.conn.SetReadDeadline(time.Now().Add(drainTime)) != nil {
		return
	}
	// The connection is closed next, whatever ends the copy.
	_, _ = io.CopyN(io.Discard, h.conn, drainBytes)
}
