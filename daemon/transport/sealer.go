package transport

import (
	"crypto/rand"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

const (
	// sealWarnInterval is the time between two warnings about one address and reason.
	sealWarnInterval = time.Minute
	// maxSealWarnings bounds the addresses and reasons that are told apart.
	maxSealWarnings = 256
	// proofWait is how long the first transport of a daemon waits for others to prove that they are
	// running. They answer within a round trip of the network; those that are down never do.
	proofWait = 30 * time.Millisecond
)

// Sealer seals what a daemon sends with the keys of its ring, and opens what it receives. It
// outlives the transports of its daemon. The owner calls its methods, except where a comment allows
// others.
type Sealer struct {
	node   *seal.Node
	log    *slog.Logger
	start  time.Time
	begun  bool // whether a transport has waited for proofs
	warned map[sealWarning]*warnedSeal
	arena  []byte // for the datagrams of one system call

	sealed  atomic.Int64
	refused [seal.NumReasons]atomic.Int64
	waiting time.Time // when a warning about members that lack a key is due
}

type sealWarning struct {
	from   netip.Addr
	reason seal.Reason
}

type warnedSeal struct {
	at time.Time
	n  int64
}

// NewSealer returns the sealer of a daemon. Without keys, datagrams are as those of C daemons.
func NewSealer(self wire.DaemonID, keys *seal.Keyring, log *slog.Logger) (*Sealer, error) {
	node, err := seal.NewNode(self, seal.Daemon, keys, rand.Reader)
	if err != nil {
		return nil, err
	}
	return &Sealer{node: node, log: log, start: time.Now(), warned: make(map[sealWarning]*warnedSeal)}, nil
}

func (s *Sealer) now() clock.Time { return clock.Time(time.Since(s.start)) + 1 }

// SetKeys changes the keys; nil removes them. The transport sends what follows with
// [Transport.Tick].
func (s *Sealer) SetKeys(keys *seal.Keyring) { s.node.SetKeys(s.now(), keys) }

// SetMembers sets the daemons of the ring that is installed.
func (s *Sealer) SetMembers(ids []wire.DaemonID) { s.node.SetMembers(s.now(), ids) }

// Overhead returns how much longer sealed packets are, or 0 without keys.
func (s *Sealer) Overhead() int {
	if s.node.HasKeys() {
		return seal.Overhead
	}
	return 0
}

// SealStatus is the state of a daemon's keys.
type SealStatus struct {
	// Enabled reports whether the daemon has keys.
	Enabled bool
	// Own is what this daemon says about its keys.
	Own seal.KeyState
	// Lacking are the members of the ring for which the change to the key WaitsFor waits.
	WaitsFor seal.KeyID
	Lacking  []wire.DaemonID
	// Peers is what is known of the other daemons, and Heard for how long nothing sealed has
	// arrived from each, or a negative duration.
	Peers []seal.PeerKeys
	Heard []time.Duration
}

// Status returns the state of the keys.
func (s *Sealer) Status() SealStatus {
	now := s.now()
	st := SealStatus{Enabled: s.node.HasKeys(), Own: s.node.State(), Peers: s.node.Peers()}
	st.WaitsFor, st.Lacking = s.node.Waits(now)
	for _, p := range st.Peers {
		d := time.Duration(-1)
		if p.Heard != 0 {
			d = now.Sub(p.Heard)
		}
		st.Heard = append(st.Heard, d)
	}
	return st
}

// Until returns how long it takes until [Transport.Tick] has something to do.
func (s *Sealer) Until() time.Duration {
	if d := s.node.Deadline(); d != 0 {
		return max(d.Sub(s.now()), 0)
	}
	return time.Hour
}

// Counts returns the number of datagrams sealed, and of those that arrived, by reason. Any
// goroutine may call it.
func (s *Sealer) Counts() (sealed int64, refused [seal.NumReasons]int64) {
	for i := range refused {
		refused[i] = s.refused[i].Load()
	}
	return s.sealed.Load(), refused
}

// open opens the datagrams of a batch in place and removes those that are not for the owner. The
// batch may be empty after that.
func (s *Sealer) open(b *Datagrams) {
	port := seal.DataPort
	if b.Token {
		port = seal.TokenPort
	}
	now := s.now()
	kept := b.Items[:0]
	for _, it := range b.Items {
		text, reason := s.node.Open(now, it.From, port, it.Data.Bytes())
		s.refused[reason].Add(1)
		switch reason {
		case seal.Opened:
			it.Data.Lo += seal.HeaderLen
			it.Data.Hi = it.Data.Lo + len(text)
			kept = append(kept, it)
		case seal.AcceptedPlain:
			kept = append(kept, it)
		case seal.Consumed, seal.Own, seal.Repeated, seal.Unproved:
		default:
			s.warn(it.From, reason)
		}
	}
	clear(b.Items[len(kept):])
	b.Items = kept
}

// warn logs that datagrams from an address are refused, once in an interval.
func (s *Sealer) warn(from netip.Addr, reason seal.Reason) {
	key := sealWarning{from, reason}
	if len(s.warned) >= maxSealWarnings && s.warned[key] == nil {
		key.from = netip.Addr{} // One for all other addresses.
	}
	w := s.warned[key]
	if w == nil {
		w = new(warnedSeal)
		s.warned[key] = w
	}
	w.n++
	now := time.Now()
	if !w.at.IsZero() && now.Sub(w.at) < sealWarnInterval {
		return
	}
	s.log.Warn("datagrams refused", slog.String("from", from.String()), slog.String("reason", reason.String()),
		slog.String("cause", sealCause(reason)), slog.Int64("datagrams", w.n))
	w.at, w.n = now, 0
}

// sealCause returns what is wrong and what to do about it.
func sealCause(r seal.Reason) string {
	switch r {
	case seal.Plain:
		return `the sender does not seal: give it the ring's keys, or set accept = "both" here while hosts change over`
	case seal.NoKeys:
		return "the sender seals and this daemon has no ring keys: set ring_keys"
	case seal.UnknownKey:
		return "the sender's key is not in this daemon's file: add it, or remove it there"
	case seal.OtherConfiguration:
		return "the sender has another spread.conf"
	case seal.Stranger:
		return "the sender is not in spread.conf, or has another address there"
	case seal.Forged:
		return "the datagram was changed, redirected or forged, or the sender has other addresses in its spread.conf"
	case seal.Malformed:
		return "the datagram is cut, on the wrong port, or of another version of spreadd"
	case seal.Opened, seal.Consumed, seal.AcceptedPlain, seal.Own, seal.Repeated, seal.Unproved:
	}
	return ""
}

// seal appends a sealed datagram to the arena. It reports false if the arena must be written first.
func (s *Sealer) seal(d *topology.Datagram) (b []byte, ok bool, err error) {
	need := len(d.Head) + len(d.Body) + seal.Overhead
	if s.arena == nil {
		s.arena = make([]byte, 0, sendBatch*packetSlot) // More than any datagram needs.
	}
	if len(s.arena)+need > cap(s.arena) {
		return nil, false, nil
	}
	start := len(s.arena)
	out, err := s.node.Seal(s.arena, d.To, d.Head[:], d.Body)
	if err != nil {
		return nil, true, err
	}
	s.arena = out
	s.sealed.Add(1)
	return s.arena[start:], true, nil
}

// Tick announces the keys when it is time, and warns if members lack a key that is to be used.
func (t *Transport) Tick() {
	s := t.cfg.Sealer
	if s == nil {
		return
	}
	s.node.Tick(s.now())
	t.sendControls()
	if key, lacking := s.node.Waits(s.now()); len(lacking) > 0 {
		if now := time.Now(); s.waiting.IsZero() {
			s.waiting = now.Add(2 * time.Second) // Announcements may be on their way.
		} else if now.After(s.waiting) {
			s.waiting = now.Add(sealWarnInterval)
			var names []string
			for _, id := range lacking {
				names = append(names, t.cfg.Topology.Daemon(id).Name)
			}
			s.log.Warn("waiting to use a ring key that not all daemons have; add it to their files and reload them",
				slog.String("key", key.String()), slog.Any("daemons", names))
		}
	} else {
		s.waiting = time.Time{}
	}
}

// sendControls sends what the node of the sealer has to say.
func (t *Transport) sendControls() {
	for _, m := range t.cfg.Sealer.node.Sends() {
		if m.Monitor.IsValid() {
			_ = t.sendTo(m.Monitor, m.Bytes) // It is counted; the other side asks again.
			continue
		}
		for _, d := range t.sender.to.of(t.cfg.Topology, m.To) {
			_ = t.sendTo(d.at, m.Bytes)
		}
	}
}

// prove waits a little for other daemons to prove that they are running, and lets them prove that
// this one is. Datagrams that others are sent before that are lost, which would cost a time-out of
// membership.
func (t *Transport) prove() {
	s := t.cfg.Sealer
	if s == nil || s.begun || !s.node.HasKeys() {
		return
	}
	s.begun = true
	for until := time.Now().Add(proofWait); ; {
		t.Tick()
		left := time.Until(until)
		if left <= 0 || s.allProved() {
			return
		}
		t.cfg.Poller.Wait(left, t.HaveWork)
		for _, token := range []bool{true, false} {
			b := t.PollData
			if token {
				b = t.PollTokens
			}
			for d := b(); d != nil; d = b() {
				d.Done()
			}
		}
	}
}

func (s *Sealer) allProved() bool {
	for _, p := range s.node.Peers() {
		if !p.Stated {
			return false
		}
	}
	return true
}
