package sim

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/internal/topology"
)

// maxRecorded bounds the datagrams that the attacker remembers.
const maxRecorded = 500

// keys are those of a sealed run, and the attacker who has none: who records datagrams, replays and
// redirects them, cuts, flips and mixes them.
type keys struct {
	random   *rand.Rand
	ring     *seal.Keyring // of the newest file
	current  *seal.Key
	recorded []event
}

// randomBytes is a source of bytes that is the same in each run of a seed.
type randomBytes struct{ *rand.Rand }

func (r randomBytes) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return len(b), nil
}

var _ io.Reader = randomBytes{}

// planKeys makes the first key, and plans changes of keys.
func (w *world) planKeys() {
	w.keys = &keys{random: rand.New(rand.NewPCG(w.o.Seed, 9))}
	w.newKey()
	for range w.keys.random.IntN(4) {
		w.after(time.Duration(w.keys.random.Int64N(int64(w.o.Safety))), w.rotate)
	}
}

func (w *world) newKey() {
	k := w.keys
	next, err := seal.NewKey(seal.Cipher(k.random.IntN(2)), randomBytes{k.random})
	if err == nil {
		list := []*seal.Key{next}
		if k.current != nil {
			list = append(list, k.current)
		}
		k.current = next
		k.ring, err = seal.NewKeyring(list...)
	}
	if err != nil {
		panic(err)
	}
}

// rotate writes a new key into all files. Daemons read them one after another.
func (w *world) rotate() {
	if w.calm {
		return
	}
	w.tracef("a new key of the ring")
	w.newKey()
	for _, h := range w.hosts {
		w.after(time.Duration(w.keys.random.Int64N(int64(3*time.Second))), func() {
			if h.up {
				h.node.SetKeys(w.now, w.keys.ring)
				h.tickKeys()
			}
		})
	}
}

// startKeys gives a daemon's life its node.
func (h *host) startKeys() {
	if h.w.keys == nil {
		return
	}
	random := rand.New(rand.NewPCG(h.w.o.Seed, 10<<32+uint64(h.lives)<<8+uint64(h.rank)))
	var err error
	if h.node, err = seal.NewNode(h.d.ID, seal.Daemon, h.w.keys.ring, randomBytes{random}); err == nil {
		err = h.node.Configure(h.conf.top, h.conf.hash)
	}
	if err != nil {
		panic(err)
	}
	h.opened = make(map[[seal.HeaderLen]byte]bool)
	h.engine.SetOverhead(seal.Overhead)
	h.tickKeys()
}

// tickKeys announces the keys when it is time, and plans the next time.
func (h *host) tickKeys() {
	h.node.Tick(h.w.now)
	h.sendKeys()
	life := h.lives
	h.w.after(max(h.node.Deadline().Sub(h.w.now), time.Millisecond), func() {
		if h.up && h.lives == life {
			h.tickKeys()
		}
	})
}

// sendKeys sends what the node has to say.
func (h *host) sendKeys() {
	for _, s := range h.node.Sends() {
		h.w.transmit(h, s.To, attach(nil, s.Bytes))
	}
}

// seal returns a datagram with its sealed form behind it.
func (h *host) seal(to topology.Target, b []byte) []byte {
	if h.node == nil {
		return b
	}
	all := append(h.w.bytes.take(2*len(b)+seal.Overhead), b...)
	sealed, err := h.node.Seal(all[len(b):], to, b, nil)
	if err != nil {
		panic(err)
	}
	return all[: len(b) : len(b)+len(sealed)]
}

// attach returns a datagram that has its sealed form behind its end, so that the simulator can look into
// what the network cannot.
func attach(plain, sealed []byte) []byte {
	b := make([]byte, len(plain)+len(sealed))
	copy(b[copy(b, plain):], sealed)
	return b[:len(plain)]
}

func attached(b []byte) []byte { return b[len(b):cap(b)] }

// open returns what a daemon gets of a datagram that arrived, nil if it refuses it.
func (h *host) open(a arrival, port seal.Port) []byte {
	if h.node == nil {
		return a.bytes
	}
	sealed := attached(a.bytes)
	text, reason := h.node.Open(h.w.now, a.from.d.Addr, port, h.copied(sealed))
	h.sendKeys()
	if reason != seal.Opened {
		return nil
	}
	id := [seal.HeaderLen]byte(sealed)
	switch {
	case a.forged:
		h.w.fail("seal", "%s opens a datagram that was changed", h.life.Name)
	case !bytes.Equal(text, a.bytes):
		h.w.fail("seal", "%s opens another text than was sealed", h.life.Name)
	case h.opened[id]:
		h.w.fail("seal", "%s opens a datagram twice", h.life.Name)
	}
	h.opened[id] = true
	return a.bytes
}

// copied returns a copy of a datagram, which the node opens in place.
func (h *host) copied(b []byte) []byte {
	h.opening = append(h.opening[:0], b...)
	return h.opening
}

// membersKeys tells the node of the rings that were installed, and of a configuration in force.
func (h *host) membersKeys() {
	if h.node == nil {
		return
	}
	for _, in := range h.out.Installations {
		h.node.SetMembers(h.w.now, in.Regular)
	}
	h.sendKeys()
}

// adoptKeys configures the node anew.
func (h *host) adoptKeys(r *engine.Reload) {
	if h.node == nil || r == nil {
		return
	}
	if err := h.node.Configure(r.Topology, r.ConfHash); err != nil {
		panic(err)
	}
}

// attack records a datagram, and now and then sends what was recorded, as it is or changed, to anybody.
func (w *world) attack(from, to *host, token bool, b []byte) {
	k := w.keys
	if k == nil || w.calm {
		return
	}
	e := event{kind: eventArrive, host: to, from: from, token: token, bytes: b}
	if len(k.recorded) < maxRecorded {
		k.recorded = append(k.recorded, e)
	} else {
		k.recorded[k.random.IntN(maxRecorded)] = e
	}
	if !chance(k.random, 0.05) {
		return
	}
	e = k.recorded[k.random.IntN(len(k.recorded))]
	sealed := slices.Clone(attached(e.bytes))
	other := attached(k.recorded[k.random.IntN(len(k.recorded))].bytes)
	switch k.random.IntN(6) {
	case 0: // A replay. Late data and tokens are among the faults of the network.
		if h := w.hosts[k.random.IntN(len(w.hosts))]; h != e.host {
			e.host, e.forged = h, e.token // A token is for one daemon.
		} else if len(e.bytes) > 0 {
			return
		}
	case 1:
		sealed = sealed[:k.random.IntN(len(sealed))]
		e.forged = true
	case 2:
		sealed[k.random.IntN(len(sealed))] ^= 1 << k.random.IntN(8)
		e.forged = true
	case 3: // The header of one and the text of another.
		if bytes.Equal(sealed, other) {
			return
		}
		sealed = append(sealed[:seal.HeaderLen], other[seal.HeaderLen:]...)
		e.forged = true
	case 4: // The key, the counter or the boot of another.
		at := []int{4, 16, 24}[k.random.IntN(3)]
		if bytes.Equal(sealed[at:at+4], other[at:at+4]) {
			return
		}
		copy(sealed[at:at+4], other[at:])
		e.forged = true
	default:
		binary.BigEndian.PutUint64(sealed[24:], binary.BigEndian.Uint64(sealed[24:])+1+k.random.Uint64N(1000))
		e.forged = true
	}
	e.bytes = attach(e.bytes, sealed)
	e.at = w.now.Add(time.Duration(k.random.Int64N(int64(w.o.Latency) * 20)))
	w.plan.push(e)
}
