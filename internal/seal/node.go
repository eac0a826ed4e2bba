package seal

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// Role is what a process is.
type Role uint8

// The roles.
const (
	Daemon  Role = 0
	Monitor Role = 1
)

// announceInterval is the time between two announcements of a daemon's keys.
const announceInterval = 2 * time.Second

// Send is a sealed datagram to send.
type Send struct {
	// To is the receiver, unless Monitor is valid.
	To      topology.Target
	Monitor netip.AddrPort
	Bytes   []byte
}

// Node seals and opens the datagrams of one process. It has one owner.
type Node struct {
	self   wire.DaemonID
	role   Role
	random io.Reader
	boot   uint64
	// counter is that of the last datagram sealed, whatever its key.
	counter uint64

	addr    netip.Addr
	port    uint16 // of a monitor, where it waits for datagrams
	segment int
	hash    uint32
	peers   []*peer // all daemons of the configuration, in its order; a daemon's own among them
	byID    map[wire.DaemonID]*peer
	members map[wire.DaemonID]bool // the daemons of the ring that is installed

	keys   *Keyring // nil: no keys, as before the first file
	use    *Key     // what to seal with
	wanted *Key     // what to use when all members have it, or nil
	// plain reports that datagrams leave as they are; sealing that this ends when all members can
	// open what is sealed.
	plain, sealing bool
	sealer         cipher.AEAD // for use, of this boot and address

	monitors     []*sender
	monitorsDoor door

	sends        []Send
	nextAnnounce clock.Time
	nonce        [nonceLen]byte // memory for a nonce, so that calls of an AEAD do not allocate
}

// NewNode returns the node of a daemon, or of a monitor that acts with a daemon's identity. If keys
// is nil, it has none yet and datagrams are plain. random is a source of random bytes for secrets.
func NewNode(self wire.DaemonID, role Role, keys *Keyring, random io.Reader) (*Node, error) {
	n := &Node{self: self, role: role, random: random, byID: make(map[wire.DaemonID]*peer), keys: keys, plain: true}
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("cannot read random bytes: %w", err)
	}
	n.boot = binary.BigEndian.Uint64(b[:])
	if keys != nil {
		n.use, n.plain = keys.use, keys.sendPlain
	}
	return n, nil
}

// Configure sets the daemons and the hash of the configuration. What is known of daemons that stay
// the same is kept.
func (n *Node) Configure(top *topology.Topology, hash uint32) error {
	n.hash = hash
	old := n.byID
	n.peers, n.byID = nil, make(map[wire.DaemonID]*peer)
	for _, d := range top.Daemons() {
		addr := d.Addr.WithZone("")
		p := old[d.ID]
		if p == nil || p.addr != addr {
			p = &peer{id: d.ID, addr: addr}
		}
		p.segment = d.Segment
		n.peers = append(n.peers, p)
		n.byID[d.ID] = p
	}
	own := n.byID[n.self]
	if own == nil {
		return fmt.Errorf("daemon %d is not in the configuration", n.self)
	}
	if own.addr != n.addr {
		n.addr, n.sealer = own.addr, nil
	}
	n.segment = own.segment
	return nil
}

// errCounter means that a process has sealed 2^64 datagrams.
var errCounter = errors.New("seal: the counter is at its end; restart the process")

// Seal appends a sealed datagram to dst. The datagram is head and body; either may be empty.
func (n *Node) Seal(dst []byte, to topology.Target, head, body []byte) ([]byte, error) {
	kind, receiver := KindPacket, uint32(to.Daemon)
	if to.Token {
		kind = KindToken
	}
	if to.Daemon == 0 {
		receiver = uint32(to.Segment)
	}
	return n.seal(dst, kind, to.Daemon == 0, receiver, head, body)
}

// SealReport appends a sealed datagram for a monitor to dst.
func (n *Node) SealReport(dst, datagram []byte) ([]byte, error) {
	return n.seal(dst, KindReport, false, 0, datagram, nil)
}

// SealRequest appends a monitor's sealed request for a daemon to dst.
func (n *Node) SealRequest(dst []byte, to wire.DaemonID, datagram []byte) ([]byte, error) {
	return n.seal(dst, KindRequest, false, uint32(to), datagram, nil)
}

func (n *Node) seal(dst []byte, kind Kind, segment bool, receiver uint32, head, body []byte) ([]byte, error) {
	if n.counter == math.MaxUint64 {
		return dst, errCounter
	}
	if n.sealer == nil {
		var err error
		if n.sealer, err = n.use.derive(origin{n.role, n.self, n.addr, n.boot}); err != nil {
			return dst, err
		}
	}
	n.counter++
	h := header{kind: kind, segment: segment, key: n.use.id, sender: n.self, hash: n.hash, boot: n.boot, counter: n.counter}
	start := len(dst)
	dst = h.append(dst)
	dst = append(dst, head...)
	dst = append(dst, body...)
	end := len(dst)
	binary.BigEndian.PutUint64(n.nonce[:], n.counter)
	binary.BigEndian.PutUint32(n.nonce[8:], receiver)
	text := dst[start+HeaderLen : end]
	out := n.sealer.Seal(text[:0], n.nonce[:], text, dst[start:start+HeaderLen])
	if len(dst)+tagLen <= cap(dst) {
		return dst[:end+tagLen], nil // It was sealed in place.
	}
	return append(dst[:start+HeaderLen], out...), nil
}

// Open opens a datagram that arrived on a port from an address (without a zone), in place. The
// result is valid if the reason is [Opened] or [AcceptedPlain].
func (n *Node) Open(now clock.Time, from netip.Addr, port Port, b []byte) ([]byte, Reason) {
	switch {
	case !Marked(b) && n.role == Daemon && (n.keys == nil || n.keys.acceptPlain):
		return b, AcceptedPlain
	case !Marked(b):
		return nil, Plain
	case n.keys == nil:
		return nil, NoKeys
	}
	var h header
	if !h.decode(b) || !port.takes(h.kind) {
		return nil, Malformed
	}
	if h.sender == n.self && h.kind.role() == Daemon && n.role == Daemon {
		return nil, Own // Also of an earlier life.
	}
	if h.hash != n.hash {
		return nil, OtherConfiguration
	}
	p := n.byID[h.sender]
	if p == nil || p.addr != from {
		return nil, Stranger
	}
	key := n.keys.Key(h.key)
	if key == nil {
		return nil, UnknownKey
	}
	s, d := n.find(p, &h)
	if s != nil && (!s.window.fresh(h.counter) || h.kind.ordered() && h.counter < s.last[h.kind]) {
		return nil, Repeated
	}
	text, ok := n.open(p, &h, s, d, key, b)
	if !ok {
		return nil, Forged
	}
	if s != nil {
		s.window.see(h.counter)
		s.heard = now
		if h.kind.ordered() {
			s.last[h.kind] = h.counter
		}
	}
	if h.kind.control() {
		return nil, n.handleControl(now, p, &h, s, d, text)
	}
	if s == nil {
		if h.kind != KindRequest { // A monitor introduces itself by a control, which names its port.
			n.challenge(now, p, d, netip.AddrPort{})
		}
		return nil, Unproved
	}
	return text, Opened
}

// find returns the life that has sent a datagram, nil if that has not proved itself, and the door
// where it stands then.
func (n *Node) find(p *peer, h *header) (*sender, *door) {
	if h.kind.role() == Monitor {
		for _, s := range n.monitors {
			if s.id == h.sender && s.boot == h.boot {
				return s, &n.monitorsDoor
			}
		}
		return nil, &n.monitorsDoor
	}
	if p.proved && p.live.boot == h.boot {
		return &p.live, &p.door
	}
	return nil, &p.door
}

func (n *Node) open(p *peer, h *header, s *sender, d *door, key *Key, b []byte) ([]byte, bool) {
	var o *opener
	if s != nil {
		o = s.opener(key)
	} else if d.trial.key == key && d.trial.boot == h.boot && d.trialFor == p.id && d.trialAddr == p.addr {
		o = &d.trial
	}
	if o == nil {
		aead, err := key.derive(origin{h.kind.role(), p.id, p.addr, h.boot})
		if err != nil {
			return nil, false
		}
		made := opener{key: key, boot: h.boot, aead: aead}
		if s != nil {
			s.forget(n.keys)
			s.openers = append(s.openers, made)
			o = &s.openers[len(s.openers)-1]
		} else {
			d.trial, d.trialFor, d.trialAddr = made, p.id, p.addr
			o = &d.trial
		}
	}
	receiver := uint32(n.self)
	switch {
	case h.segment:
		receiver = uint32(n.segment)
	case n.role == Monitor:
		receiver = 0
	}
	binary.BigEndian.PutUint64(n.nonce[:], h.counter)
	binary.BigEndian.PutUint32(n.nonce[8:], receiver)
	text, err := o.aead.Open(b[HeaderLen:HeaderLen], n.nonce[:], b[HeaderLen:], b[:HeaderLen])
	return text, err == nil
}

// forget drops the openers of keys that are no longer in the file.
func (s *sender) forget(keys *Keyring) {
	kept := s.openers[:0]
	for _, o := range s.openers {
		if keys.Key(o.key.id) == o.key {
			kept = append(kept, o)
		}
	}
	clear(s.openers[len(kept):])
	s.openers = kept
}
