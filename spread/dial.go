package spread

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// socketBuffer is the size in bytes that C libraries request for each direction (client-protocol
// §2.1).
const socketBuffer = 200 << 10

// Dial connects to the daemon at addr ([ParseAddress]) and opens a session. ctx bounds only Dial;
// the connection outlives it.
//
// The error is an [*Error]. Its code is ErrIllegalSpread for an invalid address or an unknown host,
// ErrCouldNotConnect if nobody answers there, a rejection (ErrRejectNotUnique and so on) if the
// daemon rejects the client or would do so, and ErrConnectionClosed if the connection or ctx ended
// meanwhile.
func Dial(ctx context.Context, addr string, opts ...Option) (*Conn, error) {
	const op = "dial"
	a, err := ParseAddress(addr)
	if err != nil {
		return nil, err
	}
	o := buildOptions(opts)
	choice, err := o.check()
	if err != nil {
		return nil, opError(op, a.String(), err)
	}
	nc, err := o.connectTo(ctx, a)
	if err != nil {
		return nil, opError(op, a.String(), err)
	}
	tune(nc)

	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = nc.SetDeadline(time.Unix(1, 0)) // wakes the handshake
		close(fired)
	})
	accept, err := o.handshake(ctx, nc, &choice)
	if !stop() {
		<-fired
		err = &Error{Code: ErrConnectionClosed, Err: ctx.Err()}
	}
	if err != nil {
		_ = nc.Close() // there is no session yet
		return nil, opError(op, a.String(), err)
	}

	c := &Conn{
		nc:      nc,
		self:    wire.MakeName(string(accept.Group)),
		group:   string(accept.Group),
		version: Version(accept.Version),
		out:     newSender(nc, o.sendBuffer),
	}
	c.in = newReceiver(nc, c.group)
	c.in.notices = o.notices
	if o.notices {
		c.out.fill = append(c.out.fill, wire.NoticeRequest(c.self)...)
		c.out.accepted = uint64(len(c.out.fill))
	}
	go c.out.run()
	return c, nil
}

// connectTo connects to the first endpoint of an address at which somebody answers.
// The error names the failures at all that were tried, and wraps the last one.
func (o *options) connectTo(ctx context.Context, a Address) (nc net.Conn, err error) {
	before := "" // the failures so far
	for _, e := range a.endpoints(o.socketDir) {
		if nc, err = o.dial(ctx, e.network, e.address); err == nil {
			if err := o.checkOwner(nc, a.isFallback(e)); err != nil {
				_ = nc.Close() // nothing was sent
				return nil, err
			}
			return o.encrypt(ctx, nc, e)
		}
		err = fmt.Errorf("%s%w", before, err)
		if ctx.Err() != nil {
			break
		}
		before = err.Error() + "; "
	}
	return nil, dialError(ctx, err)
}

func dialError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &Error{Code: ErrConnectionClosed, Err: ctx.Err()}
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return &Error{Code: ErrIllegalSpread, Err: err}
	}
	return &Error{Code: ErrCouldNotConnect, Err: fmt.Errorf("%w; is the daemon running?", err)}
}

// tune sets the socket options that C libraries set. Errors are ignored: the kernel may grant
// smaller buffers, and other kinds of connections have no such options.
func tune(nc net.Conn) {
	if tcp, ok := nc.(*net.TCPConn); ok {
		_ = tcp.SetNoDelay(true)
		_ = tcp.SetKeepAlive(true)
	}
	if b, ok := nc.(interface {
		SetReadBuffer(bytes int) error
		SetWriteBuffer(bytes int) error
	}); ok {
		_ = b.SetReadBuffer(socketBuffer)
		_ = b.SetWriteBuffer(socketBuffer)
	}
}

// check rejects options that a daemon would reject. It returns the choice of authentication methods
// as it is sent.
func (o *options) check() (choice wire.MethodChoice, err error) {
	if o.name != "" && !wire.LegalPrivateName(o.name) {
		return choice, errorf("", "", ErrRejectIllegalName, "private name %q: want 1 to %d bytes from '$' to '~'", o.name, wire.MaxPrivateName)
	}
	names := make([]string, len(o.auth))
	for i, m := range o.auth {
		names[i] = m.Name()
	}
	choice, ok := wire.MakeMethodChoice(names...)
	if !ok || len(names) == 0 {
		return choice, errorf("", "", ErrRejectAuth, "authentication methods %q: want 1 to %d, with names of 1 to %d bytes", names, wire.MethodFields, wire.MethodNameLen-1)
	}
	return choice, nil
}

// handshake runs the handshake of client-protocol §3 on a new connection. It does not read beyond
// the accept message. Errors are [*Error] values without an operation.
func (o *options) handshake(ctx context.Context, nc net.Conn, choice *wire.MethodChoice) (wire.Accept, error) {
	request := wire.ConnectRequest{Version: wire.OurVersion, Name: []byte(o.name)}
	if o.membership {
		request.Flags |= wire.FlagMembership
	}
	if o.priority {
		request.Flags |= wire.FlagPriority
	}
	if _, err := nc.Write(request.Append(nil)); err != nil {
		// A daemon that is full rejects before it reads. Its answer may have arrived although the
		// write failed.
		if code, ok := readRejection(nc); ok {
			return wire.Accept{}, &Error{Code: code}
		}
		return wire.Accept{}, broken("sending the connect request", err)
	}
	list, err := readMethods(nc)
	if err != nil {
		return wire.Accept{}, err
	}
	for _, m := range o.auth {
		if !list.Has(m.Name()) {
			return wire.Accept{}, errorf("", "", ErrRejectAuth, "the daemon does not offer method %q, only %q", m.Name(), string(list))
		}
	}
	if _, err := nc.Write(choice[:]); err != nil {
		return wire.Accept{}, broken("sending the authentication methods", err)
	}
	for _, m := range o.auth {
		if err := m.Authenticate(ctx, nc); err != nil {
			return wire.Accept{}, &Error{Code: ErrRejectAuth, Err: fmt.Errorf("method %s: %w", m.Name(), err)}
		}
	}
	return o.readAccept(nc)
}

func readRejection(r io.Reader) (Code, bool) {
	var b [1]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, false
	}
	code := Code(b[0])
	return code, code < 0
}

// readMethods reads the daemon's first reply.
func readMethods(r io.Reader) (wire.MethodList, error) {
	const doing = "reading the daemon's authentication methods"
	b := make([]byte, 1, 1+wire.MaxMethodList)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, broken(doing, err)
	}
	if n := int(b[0]); n <= wire.MaxMethodList {
		b = b[:1+n]
		if _, err := io.ReadFull(r, b[1:]); err != nil {
			return nil, broken(doing, unexpected(err))
		}
	}
	list, code, _, err := wire.DecodeFirstReply(b)
	if err != nil {
		return nil, broken(doing, err)
	}
	if code != 0 {
		return nil, &Error{Code: Code(code)}
	}
	return list, nil
}

// acceptFixed is the length of an accept message without the private group.
const acceptFixed = 5

// readAccept reads the daemon's decision. The group of the result is in memory of its own.
func (o *options) readAccept(r io.Reader) (a wire.Accept, err error) {
	const doing = "reading the daemon's answer"
	b := make([]byte, acceptFixed, acceptFixed+wire.MaxGroupName)
	if _, err := io.ReadFull(r, b[:1]); err != nil {
		return wire.Accept{}, broken(doing, err)
	}
	if code := Code(b[0]); code < 0 {
		return wire.Accept{}, &Error{Code: code}
	}
	if _, err := io.ReadFull(r, b[1:]); err != nil {
		return wire.Accept{}, broken(doing, unexpected(err))
	}
	// Decode rejects a length above the limit.
	group := b[acceptFixed : acceptFixed+min(int(b[acceptFixed-1]), wire.MaxGroupName)]
	if _, err := io.ReadFull(r, group); err != nil {
		return wire.Accept{}, broken(doing, unexpected(err))
	}
	b = b[:acceptFixed+len(group)]
	if _, _, err := a.Decode(b, wire.OurVersion.HasPatch()); err != nil {
		return wire.Accept{}, broken(doing, err)
	}
	if len(a.Group) == 0 {
		return wire.Accept{}, broken(doing, errors.New("it contains no private group"))
	}
	// libspread's rules (client-protocol §3.3).
	if v := a.Version; v.Major < 3 || o.priority && !v.AtLeast(3, 8, 0) {
		return wire.Accept{}, errorf("", "", ErrRejectVersion, "the daemon has version %v, but this library needs 3.0.0 (with priority 3.8.0) or later", Version(v))
	}
	return a, nil
}

// broken returns the error of a handshake that ended without a decision.
func broken(doing string, err error) error {
	return &Error{Code: ErrConnectionClosed, Err: fmt.Errorf("%s: %w", doing, err)}
}
