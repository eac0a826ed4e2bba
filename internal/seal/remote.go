package seal

import (
	"crypto/cipher"
	"net/netip"
	"slices"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/wire"
)

const (
	// challengeLife is how long a challenge may be answered, so that answers cannot be kept for
	// later.
	challengeLife = 2 * time.Second
	// challengePause and answerPause are the shortest times between two datagrams of their kind to
	// one sender that has not proved itself.
	challengePause = 2 * time.Millisecond
	answerPause    = time.Millisecond
	// maxMonitors is the number of monitors' lives that are known.
	maxMonitors = 16
	// stateLife is how long a daemon is believed to have the keys that it has announced: several
	// announcements may be lost.
	stateLife = 5 * announceInterval
)

// opener opens the datagrams of one life of a sender that were sealed with one key.
type opener struct {
	key  *Key
	boot uint64
	aead cipher.AEAD
}

// sender is one life of a process that has proved that it is running.
type sender struct {
	id      wire.DaemonID
	boot    uint64
	window  window
	last    [numKinds]uint64 // the highest counters of the kinds that are ordered
	openers []opener         // for this boot, one for each key it has used
	heard   clock.Time
}

// opener returns what opens datagrams sealed with a key, or nil.
func (s *sender) opener(k *Key) *opener {
	for i := range s.openers {
		if s.openers[i].key == k {
			return &s.openers[i]
		}
	}
	return nil
}

// door is where senders that have not proved themselves stand: a peer has one, and all monitors
// together.
type door struct {
	challenge  nonce
	made       clock.Time // when challenge was made
	challenged clock.Time // when it was sent last
	answered   clock.Time // when a challenge from there was answered last
	trial      opener     // of the sender that was heard last
	// trialFor and trialAddr are whose opener trial is.
	trialFor  wire.DaemonID
	trialAddr netip.Addr
}

// peer is another daemon of the configuration.
type peer struct {
	id      wire.DaemonID
	addr    netip.Addr // without a zone
	segment int
	door    door
	proved  bool
	live    sender // if proved
	state   KeyState
	stated  clock.Time // when state was received from this life, or 0
}

// has reports whether the daemon has said lately that it has a key.
func (p *peer) has(now clock.Time, id KeyID) bool {
	if !p.proved || p.stated == 0 || now.Sub(p.stated) > stateLife {
		return false
	}
	return slices.Contains(p.state.Keys, id)
}
