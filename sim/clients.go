package sim

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

const (
	// watcherName is the private name of each daemon's watcher.
	watcherName = "w"
	// numberLen is the part of a payload that holds the message's number.
	numberLen = 8
	// burst is the maximum number of messages that a client sends at once.
	burst = 8
)

// session is a client as its daemon's machine sees it.
type session struct {
	*Client
	id      engine.SessionID
	leaving bool // it has asked for its end
	// idle reports that the client does not read, and unread messages wait for it.
	idle   bool
	unread int
}

// watch connects the watcher, before anything can be delivered.
func (h *host) watch() {
	s := h.newSession(watcherName, true)
	s.Watcher = true
	h.watcher = s
	h.engine.Connect(s.id, s.Private, true)
	if h.w.o.Held {
		for g := range h.w.o.Groups {
			h.join(s, h.w.known.groups[g])
		}
	}
}

func (h *host) newSession(name string, memberships bool) *session {
	private, err := wire.PrivateGroup(name, h.d.Name)
	if err != nil {
		panic(err)
	}
	h.session++
	s := &session{
		Client: &Client{Life: h.life, Private: private, Memberships: memberships, Began: h.w.now},
		id:     h.session,
	}
	h.byID[s.id] = s
	h.w.hist.Clients = append(h.w.hist.Clients, s.Client)
	return s
}

// connect opens a session under a free name.
func (h *host) connect(name string, memberships bool) *session {
	s := h.newSession(name, memberships)
	h.w.tracef("%s %v connects", h.life.Name, s)
	h.inbox = append(h.inbox, func() bool {
		h.engine.Connect(s.id, s.Private, s.Memberships)
		return true
	})
	return s
}

// serve passes the next request of a client to the engine, and reports whether there was one that
// it takes.
func (h *host) serve() bool {
	if !h.up || len(h.inbox) == 0 || h.paused > h.w.now || !h.engine.Accepting() || !h.installed() {
		return false
	}
	if !h.inbox[0]() {
		return false
	}
	h.inbox = h.inbox[1:]
	return true
}

// installed reports whether the daemon has ever been in a ring.
func (h *host) installed() bool {
	return h.engine.RingID() != (wire.MembershipID{})
}

// submit passes a message to the engine. m is nil if it is not one between clients. What a dead
// client had sent is still on its way, as in a daemon's inbox.
func (h *host) submit(s *session, message []byte, m *Message) bool {
	b := h.pool.Get(len(message))
	defer b.Release() // effects may point into it
	data := buf.Slice{Block: b, Hi: copy(b.Bytes(), message)}
	switch outcome := h.engine.Submit(h.w.now, s.id, data, &h.out); {
	case outcome == engine.QueueFull:
		return false
	case outcome == engine.Leaving:
		h.w.rare[SentBeforeEnd]++
	case m != nil:
		m.Taken = h.w.now
		h.pending++
	}
	h.step()
	return true
}

func (h *host) ask(s *session, t wire.Type, groups []wire.Name, payload []byte, m *Message) {
	msg := wire.Message{
		Header:      wire.Header{Type: t, Sender: s.Private, Hint: wire.MakeHint(0)},
		GroupFields: make([]byte, 0, wire.NameLen*len(groups)),
		Payload:     payload,
	}
	for i := range groups {
		msg.GroupFields = append(msg.GroupFields, groups[i][:]...)
	}
	b := msg.Append(make([]byte, 0, wire.HeaderLen+len(msg.GroupFields)+len(payload)))
	h.inbox = append(h.inbox, func() bool { return h.submit(s, b, m) })
}

func (h *host) join(s *session, group wire.Name) {
	h.w.tracef("%s %v joins %v", h.life.Name, s, group)
	h.ask(s, wire.Join, []wire.Name{group}, nil, nil)
}

// send makes a client send a message to groups, and to all watchers.
func (h *host) send(s *session, t wire.Type, size int, groups ...wire.Name) {
	m := &Message{
		Number: len(h.w.hist.Messages), Type: t, From: s.Client, Groups: groups, Size: max(size, numberLen), Asked: h.w.now,
	}
	h.w.hist.Messages = append(h.w.hist.Messages, m)
	if h.w.trace != nil {
		h.w.tracef("%s %v sends %v of %d to %v", h.life.Name, s, m, m.Size, groups)
	}
	m.payload = payload(m)
	h.ask(s, t, append(slices.Clip(groups), h.w.known.watchers...), m.payload, m)
}

// payload returns the number of a message, followed by bytes that no other message has.
func payload(m *Message) []byte {
	b := make([]byte, m.Size)
	binary.LittleEndian.PutUint64(b, uint64(m.Number))
	for i := numberLen; i < len(b); i++ {
		b[i] = byte(m.Number*31 + i*7 + i>>8)
	}
	return b
}

func (h *host) drop(s *session) {
	if s.Gone != 0 {
		return
	}
	h.w.tracef("%s %v dies", h.life.Name, s)
	s.Gone = h.w.now
	h.inbox = append(h.inbox, func() bool {
		h.engine.Disconnect(h.w.now, s.id, &h.out)
		return true
	})
}

// receive counts the messages that wait for clients that do not read, and gives up a client with
// too many.
func (h *host) receive(s *session) {
	if !s.idle || s.Gone != 0 {
		return
	}
	s.unread++
	if s.unread > h.w.o.SlowBound {
		h.w.tracef("%s gives %v up, which does not read", h.life.Name, s)
		h.w.rare[SlowClient]++
		s.Gone = h.w.now
		h.slow = append(h.slow, s)
	}
}

// ended frees the place of a session.
func (h *host) ended(s *session) {
	s.Ended = h.w.now
	if s.Gone == 0 {
		s.Gone = h.w.now
	}
	delete(h.byID, s.id)
	if i := slices.Index(h.slots, s); i >= 0 {
		h.slots[i] = nil
	}
}

// planClients makes a daemon's clients act from time to time: often several actions in a row, and
// then a pause that keeps the average.
func (h *host) planClients() {
	mean := h.w.o.Pause
	if chance(h.w.workRand, 0.4) {
		mean = h.w.o.Safety * time.Duration(2*len(h.w.hosts)) / time.Duration(h.w.o.actions())
	}
	d := time.Duration(h.w.workRand.ExpFloat64() * float64(mean))
	h.w.plan.push(event{at: h.w.now.Add(d), kind: eventCall, host: h, life: h.lives, call: func() {
		if h.w.calm || h.w.actions <= 0 {
			return
		}
		if h.installed() {
			h.act()
			h.carryOut()
		}
		h.planClients()
	}})
}

func (h *host) act() {
	r := h.w.workRand
	h.w.actions--
	i := r.IntN(len(h.slots))
	s := h.slots[i]
	switch {
	case s == nil:
		h.slots[i] = h.connect(h.w.known.clients[i], chance(r, 0.85))
		h.join(h.slots[i], h.w.known.groups[r.IntN(h.w.o.Groups)])
		return
	case s.Gone != 0 || s.leaving:
		return
	}
	switch n := r.IntN(100); {
	case n < 60:
		h.sendSome(s)
	case n < 75:
		h.join(s, h.w.known.groups[r.IntN(h.w.o.Groups)])
	case n < 85:
		g := h.w.known.groups[r.IntN(h.w.o.Groups)]
		h.w.tracef("%s %v leaves %v", h.life.Name, s, g)
		h.ask(s, wire.Leave, []wire.Name{g}, nil, nil)
	case n < 89:
		h.w.tracef("%s %v disconnects", h.life.Name, s)
		h.ask(s, wire.Kill, []wire.Name{s.Private}, nil, nil)
		s.leaving = true
	case n < 93:
		h.drop(s)
	default:
		s.idle = !s.idle
		s.unread = 0
	}
}

func (h *host) sendSome(s *session) {
	r := h.w.workRand
	for range 1 + r.IntN(burst) {
		if len(h.w.hist.Messages) >= h.w.o.Messages {
			return
		}
		t := choose(r, wire.Unreliable, wire.Reliable, wire.FIFO, wire.Causal, wire.Agreed, wire.Agreed, wire.Safe, wire.Safe)
		if chance(r, 0.05) {
			t |= wire.SelfDiscard
		}
		groups := []wire.Name{h.w.known.groups[r.IntN(h.w.o.Groups)]}
		if chance(r, 0.2) {
			groups = append(groups, h.w.known.groups[r.IntN(h.w.o.Groups)])
		}
		if chance(r, 0.1) {
			o := h.w.hosts[r.IntN(len(h.w.hosts))]
			groups = append(groups, wire.MakeName("#"+h.w.known.clients[r.IntN(h.w.o.Clients)]+"#"+o.d.Name))
		}
		h.send(s, t, r.IntN(r.IntN(h.w.o.MaxSize)+1), groups...)
	}
}
