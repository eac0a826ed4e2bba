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
	d          *Daemon
	nc         net.Conn
	group      wire.Name
	membership bool
	lost       bool // its daemon went down; guarded by ring.mu

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
	done := make(chan struct{})
	d.ring.mu.Lock()
	d.submit(request{func() { d.remove(s); close(done) }, true})
	d.ring.mu.Unlock()
	<-done
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
		d.refuse(s)
		return nil, 0
	}
	if _, err := io.ReadFull(in, choice[:]); err != nil {
		d.refuse(s)
		return nil, 0
	}
	for m := range choice.Methods() {
		if string(m) == wire.MethodNull {
			accept := wire.Accept{Version: wire.OurVersion, Group: s.group.Bytes()}
			s.send(accept.Append(nil, r.Version.HasPatch()))
			return s, 0
		}
	}
	d.refuse(s)
	return nil, wire.RejectAuth
}

// refuse gives up the name of a session that did not begin.
func (d *Daemon) refuse(s *session) {
	d.ring.mu.Lock()
	defer d.ring.mu.Unlock()
	d.remove(s)
}

// admit checks a connect request and reserves the name of the session.
func (d *Daemon) admit(nc net.Conn, r *wire.ConnectRequest) (*session, wire.Code) {
	d.ring.mu.Lock()
	defer d.ring.mu.Unlock()
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
	s := &session{d: d, nc: nc, group: group, membership: r.Flags&wire.FlagMembership != 0}
	s.ready.L = &s.mu
	d.sessions[group] = s
	return s, 0
}

// next reads and executes one message of a client. It reports false when the session must end.
func (d *Daemon) next(s *session, in *bufio.Reader) bool {
	d.ring.mu.Lock()
	for d.stalled {
		d.changed.Wait()
	}
	d.ring.mu.Unlock()

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

	d.ring.mu.Lock()
	defer d.ring.mu.Unlock()
	if m.Type&wire.Kill != 0 || d.down {
		return false
	}
	d.submit(request{do: func() { d.execute(s, &m, b) }})
	return true
}

// execute does what a message of a client asks for. It needs ring.mu.
func (d *Daemon) execute(s *session, m *wire.Message, b []byte) {
	if m.Type&(wire.Join|wire.Leave) == 0 {
		d.received++
		d.deliver(s, m, b)
		return
	}
	if len(m.GroupFields) == 0 || d.sessions[s.group] != s {
		return
	}
	name := (*wire.Name)(m.GroupFields).Clean()
	if m.Type&wire.Join != 0 {
		d.join(s, name)
	} else {
		d.leave(s, name)
	}
}

// deliver sends the encoded message b once to each session that m addresses.
// It needs d.ring.mu.
func (d *Daemon) deliver(from *session, m *wire.Message, b []byte) {
	var to []*session
	add := func(s *session) {
		if !slices.Contains(to, s) && (s != from || m.Type&wire.SelfDiscard == 0) {
			to = append(to, s)
		}
	}
	for _, field := range m.Groups() {
		name := field.Clean()
		if s := d.ring.session(name, d.part); s != nil {
			add(s)
			continue
		}
		for _, s := range d.ring.members(name, d.part) {
			add(s)
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
