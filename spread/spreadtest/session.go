package spreadtest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"

	"github.com/spreadd/spreadd/wire"
)

// session is one client. Its reader runs in the goroutine of
// [Daemon.handle], its writer in another.
type session struct {
	nc         net.Conn
	group      wire.Name
	membership bool

	mu    sync.Mutex
	ready sync.Cond
	out   []byte // encoded messages not yet written
	ended bool
}

func (d *Daemon) handle(nc net.Conn) {
	in := bufio.NewReader(nc)
	s, refusal := d.open(nc, in)
	if refusal != 0 {
		_, _ = nc.Write([]byte{byte(refusal)}) // the client may be gone
	}
	if s == nil {
		return
	}
	d.wg.Go(s.write)
	for d.next(s, in) {
	}
	d.remove(s)
	s.end()
}

// open runs the handshake. It returns no session if the client is rejected or lost.
func (d *Daemon) open(nc net.Conn, in *bufio.Reader) (*session, wire.Code) {
	var request []byte
	for n := wire.ConnectRequestSize(nil); len(request) < n; n = wire.ConnectRequestSize(request) {
		at := len(request)
		request = append(request, make([]byte, n-at)...)
		if _, err := io.ReadFull(in, request[at:]); err != nil {
			return nil, 0
		}
	}
	var r wire.ConnectRequest
	if _, err := r.Decode(request); err != nil {
		return nil, wire.RejectIllegalName
	}
	s, code := d.admit(nc, &r)
	if code != 0 {
		return nil, code
	}
	var choice wire.MethodChoice
	if _, err := nc.Write(wire.MakeMethodList(wire.MethodNull).Append(nil)); err != nil {
		d.remove(s)
		return nil, 0
	}
	if _, err := io.ReadFull(in, choice[:]); err != nil {
		d.remove(s)
		return nil, 0
	}
	for m := range choice.Methods() {
		if string(m) == wire.MethodNull {
			accept := wire.Accept{Version: wire.OurVersion, Group: s.group.Bytes()}
			s.send(accept.Append(nil, r.Version.HasPatch()))
			return s, 0
		}
	}
	d.remove(s)
	return nil, wire.RejectAuth
}

// admit checks a connect request and reserves the name of the session.
func (d *Daemon) admit(nc net.Conn, r *wire.ConnectRequest) (*session, wire.Code) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.reject != 0:
		return nil, d.reject
	case !r.Version.Negotiates():
		return nil, wire.RejectVersion
	case len(r.Name) > 0 && !wire.LegalPrivateName(r.Name):
		return nil, wire.RejectIllegalName
	}
	name := string(r.Name)
	if name == "" {
		d.made++
		name = fmt.Sprintf("r%d", d.made)
	}
	group, err := wire.PrivateGroup(name, d.name)
	if err != nil {
		return nil, wire.RejectIllegalName
	}
	if d.sessions[group] != nil {
		return nil, wire.RejectNotUnique
	}
	s := &session{nc: nc, group: group, membership: r.Flags&wire.FlagMembership != 0}
	s.ready.L = &s.mu
	d.sessions[group] = s
	return s, 0
}

// next reads and executes one message of a client. It reports false when the session must end.
func (d *Daemon) next(s *session, in *bufio.Reader) bool {
	d.mu.Lock()
	for d.stalled {
		d.changed.Wait()
	}
	d.mu.Unlock()

	b := make([]byte, wire.HeaderLen, 1024)
	if _, err := io.ReadFull(in, b); err != nil {
		return false
	}
	var h wire.Header
	if h.Decode(b) != nil || h.CheckRequest(&s.group) != wire.NotRefused {
		return false
	}
	h.Normalize(b)
	size := wire.SizeOf(b)
	b = append(b, make([]byte, size-wire.HeaderLen)...)
	if _, err := io.ReadFull(in, b[wire.HeaderLen:]); err != nil {
		return false
	}
	var m wire.Message
	if _, err := m.Decode(b); err != nil {
		return false
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case m.Type&wire.Kill != 0:
		return false
	case m.Type&(wire.Join|wire.Leave) != 0:
		if len(m.GroupFields) == 0 {
			return true
		}
		name := (*wire.Name)(m.GroupFields).Clean()
		if m.Type&wire.Join != 0 {
			d.join(s, name)
		} else {
			d.leave(s, name)
		}
	default:
		d.received++
		d.deliver(s, &m, b)
	}
	return true
}

// deliver sends the encoded message b once to each session that m addresses.
// It needs d.mu.
func (d *Daemon) deliver(from *session, m *wire.Message, b []byte) {
	var to []*session
	add := func(s *session) {
		if !slices.Contains(to, s) && (s != from || m.Type&wire.SelfDiscard == 0) {
			to = append(to, s)
		}
	}
	for _, field := range m.Groups() {
		name := field.Clean()
		if s := d.sessions[name]; s != nil {
			add(s)
		} else if g := d.groups[name]; g != nil {
			for _, s := range g.members {
				add(s)
			}
		}
	}
	for _, s := range to {
		s.send(b)
	}
}

func (s *session) send(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = append(s.out, b...)
	s.ready.Signal()
}

func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.ready.Signal()
	_ = s.nc.Close()
}

func (s *session) write() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for len(s.out) == 0 && !s.ended {
			s.ready.Wait()
		}
		if s.ended {
			return
		}
		out := s.out
		s.out = nil
		s.mu.Unlock()
		_, err := s.nc.Write(out)
		s.mu.Lock()
		if err != nil {
			return // the reader sees it too, and ends the session
		}
	}
}
