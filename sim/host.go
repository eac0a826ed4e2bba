package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/wire"
)

// host is a machine with one daemon, which may crash and restart. It does for the engine what
// package daemon does.
type host struct {
	w *world
	d *topology.Daemon
	// conf is the configuration that the daemon has read last.
	conf *configuration
	rank int
	// skew is the difference of the wall clock, in seconds.
	skew int32
	// lastTime is what the daemon's disk holds of the times that its lives have put into ids.
	lastTime int32

	up bool
	// ghost reports that the daemon stays down.
	ghost bool
	// lives counts how often the daemon was started.
	lives  int
	life   *Life
	engine *engine.Engine
	// node seals and opens datagrams, nil without keys. opened has the headers of what it has
	// opened.
	node    *seal.Node
	opened  map[[seal.HeaderLen]byte]bool
	opening []byte
	out     engine.Effects
	pool    *buf.Pool
	// groups is the state of the groups after the last step.
	groups groups.State
	// in is the configuration delivered last, inTransitional whether it is a transitional one.
	in wire.MembershipID
	// members are the daemons of the last regular configuration.
	members        []wire.DaemonID
	inTransitional bool

	data, tokens socket
	// blocks and entries are memory of the steps.
	blocks  []*buf.Block
	entries []Entry
	// working reports that the next reading of the sockets is planned.
	working bool
	// paused is the end of a pause of the daemon.
	paused clock.Time
	// timerAt is the earliest planned check of the deadline.
	timerAt clock.Time

	// inbox are the requests of clients, in order. Each reports whether the engine has taken it.
	inbox   []func() bool
	byID    map[engine.SessionID]*session
	watcher *session
	// slots are the other clients, by their names. slow are those to disconnect.
	slots, slow []*session
	session     engine.SessionID
	// pending is the number of its own messages that are taken but not delivered here.
	pending int
	made    made
}

type arrival struct {
	from   *host
	bytes  []byte
	forged bool
}

// socket is the queue of a socket.
type socket struct {
	list []arrival
	read int // how many of the list are read
}

func (s *socket) len() int { return len(s.list) - s.read }

func (s *socket) put(a arrival) { s.list = append(s.list, a) }

func (s *socket) take() arrival {
	a := s.list[s.read]
	s.read++
	if s.read == len(s.list) {
		clear(s.list)
		s.list, s.read = s.list[:0], 0
	}
	return a
}

func (h *host) start() {
	w := h.w
	if h.up {
		return
	}
	h.up = true
	h.lives++
	conf := w.conf()
	*h = host{w: w, d: h.d, conf: conf, rank: h.rank, skew: h.skew, lastTime: h.lastTime, lives: h.lives, up: true, pool: &buf.Pool{Poison: true}, byID: make(map[engine.SessionID]*session)}
	h.life = &Life{
		Name: fmt.Sprint(h.d.Name, h.lives), Rank: h.rank, ID: h.d.ID, Daemon: h.d.Name, Began: w.now,
	}
	w.hist.Daemons = append(w.hist.Daemons, h.life)
	var err error
	h.engine, err = engine.New(h.config(conf))
	if err != nil {
		panic(err)
	}
	w.tracef("%s starts", h.life.Name)
	h.watch()
	h.slots = make([]*session, w.o.Clients)
	if !w.tamper.forget {
		h.engine.Resume(h.lastTime)
	}
	h.startKeys()
	h.engine.Start(w.now, w.wall(h), &h.out)
	h.carryOut()
}

func (h *host) config(c *configuration) engine.Config {
	o := &h.w.o
	cfg := engine.Config{
		Topology: c.top, Self: h.d.ID, ConfHash: c.hash, Timeouts: o.timeouts(), Wide: len(o.Layout) > 1,
		Accelerated: o.Accelerated != c.other, QueueMessages: o.QueueMessages, MaxLocalMembers: o.LocalMembers, Pool: h.pool,
		Early: !h.classic(), Seed: h.seed(),
	}
	if !o.Mixed || h.rank == 0 {
		cfg.Window, cfg.PersonalWindow, cfg.AcceleratedWindow = o.Window, o.PersonalWindow, o.AcceleratedWindow
	}
	return cfg
}

// seed returns the seed of a life's timers, or 0 in runs in lockstep.
func (h *host) seed() uint64 {
	if h.w.o.Lockstep {
		return 0
	}
	return h.w.o.Seed<<16 + uint64(h.lives)<<8 + uint64(h.rank) + 1
}

// crash ends the daemon, with everything that it knew and its clients.
func (h *host) crash() {
	if !h.up {
		return
	}
	h.w.tracef("%s crashes", h.life.Name)
	h.countCrash()
	h.checkBounds()
	h.up = false
	h.life.Crashed = h.w.now
	h.engine, h.data, h.tokens, h.inbox = nil, socket{}, socket{}, nil
}

func (h *host) arrive(e *event) {
	if !h.up {
		return
	}
	q := &h.data
	if e.token {
		q = &h.tokens
	}
	if q.len() >= h.w.o.SocketPackets && !h.w.calm {
		h.w.rare[SocketFull]++
		return
	}
	q.put(arrival{e.from, e.bytes, e.forged})
	h.planWork(1)
}

// planWork plans the next reading of the sockets, after the time that some datagrams take.
func (h *host) planWork(datagrams int) {
	if h.working {
		return
	}
	h.working = true
	at := max(h.w.now, h.paused).Add(time.Duration(datagrams) * h.w.o.Cost)
	h.w.plan.push(event{at: at, kind: eventWork, host: h, life: h.lives})
}

// work passes datagrams to the engine, data before tokens unless it wants them the other way round
// (ring-protocol §18.3).
func (h *host) work() {
	h.working = false
	if h.paused > h.w.now {
		h.planWork(0)
		return
	}
	n := 0
	blocks := h.blocks[:0]
	for ; n < h.w.o.Batch && h.data.len()+h.tokens.len() > 0; n++ {
		if h.tokens.len() > 0 && (h.data.len() == 0 || h.engine.TokenFirst()) {
			a := h.tokens.take()
			if a.bytes = h.open(a, seal.TokenPort); a.bytes == nil {
				continue
			}
			h.checkDoubled(a.bytes)
			h.engine.HandleToken(h.w.now, h.w.wall(h), a.from.d.Addr, a.bytes, &h.out)
			continue
		}
		a := h.data.take()
		if a.bytes = h.open(a, seal.DataPort); a.bytes == nil {
			continue
		}
		b := h.pool.Get(len(a.bytes))
		s := buf.Slice{Block: b, Hi: copy(b.Bytes(), a.bytes)}
		blocks = append(blocks, b)
		h.engine.HandleData(h.w.now, h.w.wall(h), a.from.d.Addr, s, &h.out)
	}
	h.carryOut()
	for _, b := range blocks {
		b.Release()
	}
	h.blocks = blocks
	if h.up && h.data.len()+h.tokens.len() > 0 {
		h.planWork(n)
	}
}

// timer checks whether a deadline has come.
func (h *host) timer(at clock.Time) {
	if at != h.timerAt {
		return // an earlier look has been planned since
	}
	h.timerAt = 0
	if h.paused <= h.w.now {
		if d := h.engine.Deadline(); d != 0 && d <= h.w.now {
			h.engine.Advance(h.w.now, h.w.wall(h), &h.out)
		}
		h.carryOut()
	}
	h.planTimer()
}

// planTimer plans the next check of the deadline. If the deadline has moved, the check does
// nothing.
func (h *host) planTimer() {
	d := h.engine.Deadline()
	if d == 0 {
		return
	}
	d = max(d, h.paused, h.w.now)
	if h.timerAt == 0 || d < h.timerAt {
		h.timerAt = d
		h.w.plan.push(event{at: d, kind: eventTimer, host: h, life: h.lives})
	}
}

// carryOut carries out what the engine asks for, and what follows from it, and passes the clients'
// requests to it.
func (h *host) carryOut() {
	for {
		h.step()
		if h.w.stopped {
			return
		}
		if len(h.slow) > 0 {
			s := h.slow[0]
			h.slow = h.slow[1:]
			h.engine.Disconnect(h.w.now, s.id, &h.out)
			continue
		}
		if !h.serve() {
			break
		}
	}
	h.planTimer()
}

func (h *host) step() {
	w := h.w
	h.lastTime = h.engine.LastTime()
	h.noteHurried()
	for i := range h.out.Sends {
		if r := h.out.Reload; r != nil && r.Sends == i {
			h.adoptKeys(r)
		}
		d := &h.out.Sends[i]
		b := d.Append(w.bytes.take(len(d.Head) + len(d.Body)))
		h.observeSend(d.To, b)
		if w.tamper.send != nil {
			tampered := b
			if !w.tamper.send(h, d.To, &tampered) {
				continue
			}
			b = tampered
		}
		w.transmit(h, d.To, h.seal(d.To, b))
	}
	if r := h.out.Reload; r != nil && r.Sends == len(h.out.Sends) {
		h.adoptKeys(r)
	}
	h.membersKeys()
	h.observe()
	for _, t := range h.out.Transitions {
		w.tracef("%s %v", h.life.Name, t)
		h.transition(t)
	}
	state := h.engine.Groups().State()
	if n := len(h.out.Installations); n > 0 && state == groups.StateGather && h.groups == state {
		w.rare[ExchangeAgain]++
	}
	if state != h.groups {
		w.tracef("%s groups %v", h.life.Name, state)
		h.groupsTransition(state)
		h.groups = state
	}
	for _, b := range h.out.Releases {
		b.Release()
	}
	h.noteReload()
	h.out.Reset()
	if err := h.engine.Check(); err != nil {
		w.fail("check", "%s: %v", h.life.Name, err)
	}
}

// operational reports whether the daemon's ring is running and its tables of groups are agreed.
func (h *host) operational() bool {
	st := h.engine.Status()
	return st.Ring.State == ring.Operational && st.Groups == groups.StateOp &&
		(st.Membership == membership.StateOp || st.Membership == membership.StateGather)
}

func (w *world) states() string {
	var b strings.Builder
	for _, h := range w.hosts {
		if h.up {
			fmt.Fprintf(&b, "\n\t%s: ring %v, %v", h.life.Name, w.ringName(h.engine.Status().Ring.ID), h.engine.Status())
		} else {
			fmt.Fprintf(&b, "\n\t%s: down", h.d.Name)
		}
	}
	return b.String()
}
