package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// stream is a source of bytes that looks random and is the same in each run.
type stream struct {
	seed byte
	n    uint64
	left []byte
}

func (s *stream) Read(b []byte) (int, error) {
	for i := range b {
		if len(s.left) == 0 {
			sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte{s.seed}, s.n))
			s.n++
			s.left = sum[:]
		}
		b[i], s.left = s.left[0], s.left[1:]
	}
	return len(b), nil
}

func testKey(t testing.TB, seed byte, c Cipher) *Key {
	t.Helper()
	k, err := NewKey(c, &stream{seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testRing(t testing.TB, keys ...*Key) *Keyring {
	t.Helper()
	k, err := NewKeyring(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const testHash = 0xad789eec

// testTopology is two segments: daemons 1 and 2, and daemon 3.
func testTopology(t testing.TB) *topology.Topology {
	t.Helper()
	daemon := func(i int) topology.Daemon {
		return topology.Daemon{ID: wire.DaemonID(i), Name: fmt.Sprint("d", i), Addr: addrOf(wire.DaemonID(i))}
	}
	top, err := topology.New([]topology.Segment{
		{Port: 4803, Daemons: []topology.Daemon{daemon(1), daemon(2)}},
		{Port: 4803, Daemons: []topology.Daemon{daemon(3)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func addrOf(id wire.DaemonID) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(id)}) }

// net is nodes on a network without faults.
type net struct {
	t     testing.TB
	now   clock.Time
	nodes map[wire.DaemonID]*Node
	lives byte
}

func newNet(t testing.TB) *net { return &net{t: t, now: 1, nodes: make(map[wire.DaemonID]*Node)} }

// start starts a daemon, anew if it runs.
func (w *net) start(id wire.DaemonID, keys *Keyring) *Node {
	w.t.Helper()
	w.lives++
	n, err := NewNode(id, Daemon, keys, &stream{seed: 100 + w.lives})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := n.Configure(testTopology(w.t), testHash); err != nil {
		w.t.Fatal(err)
	}
	w.nodes[id] = n
	return n
}

// pass lets some time pass and delivers what nodes send.
func (w *net) pass(d time.Duration) {
	end := w.now.Add(d)
	for ; w.now <= end; w.now = w.now.Add(3 * time.Millisecond) {
		for id := range wire.DaemonID(4) {
			n := w.nodes[id]
			if n == nil {
				continue
			}
			n.Tick(w.now)
			for _, s := range n.Sends() {
				for other, o := range w.nodes {
					if other != id && (s.To.Daemon == other || s.To.Daemon == 0 && o.segment == s.To.Segment) {
						o.Open(w.now, addrOf(id), DataPort, bytes.Clone(s.Bytes))
					}
				}
			}
		}
	}
}

// seal returns a packet from one daemon to another.
func (w *net) seal(from, to wire.DaemonID, text string) []byte {
	w.t.Helper()
	b, err := w.nodes[from].Seal(nil, topology.ToDaemon(to), []byte(text), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *net) open(from, at wire.DaemonID, b []byte) (string, Reason) {
	text, r := w.nodes[at].Open(w.now, addrOf(from), DataPort, bytes.Clone(b))
	return string(text), r
}

func (w *net) mustOpen(from, at wire.DaemonID, b []byte, want Reason) {
	w.t.Helper()
	if _, r := w.open(from, at, b); r != want {
		w.t.Errorf("datagram of %d at %d: %v, want %v", from, at, r, want)
	}
}

func newRing(t testing.TB, keys *Keyring) *net {
	w := newNet(t)
	for id := range wire.DaemonID(3) {
		w.start(id+1, keys)
	}
	w.pass(20 * time.Millisecond)
	for _, n := range w.nodes {
		n.SetMembers(w.now, []wire.DaemonID{1, 2, 3})
	}
	return w
}

func TestOpen(t *testing.T) {
	for _, c := range []Cipher{AES, ChaCha} {
		t.Run(c.String(), func(t *testing.T) {
			w := newRing(t, testRing(t, testKey(t, 1, c)))
			for _, text := range []string{"", "x", "some packet"} {
				b := w.seal(1, 2, text)
				if len(b) != len(text)+Overhead || !Marked(b) || len(text) > 1 && bytes.Contains(b, []byte(text)) {
					t.Errorf("%q was sealed as %x", text, b)
				}
				if got, r := w.open(1, 2, b); got != text || r != Opened {
					t.Errorf("opened %q: %v, want %q", got, r, text)
				}
				w.mustOpen(1, 2, b, Repeated)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	key := testKey(t, 1, AES)
	w := newRing(t, testRing(t, key))
	n := w.nodes[2]
	b := w.seal(1, 2, "a packet")
	// A token that is redirected: only its receiver may have it.
	w.mustOpen(1, 3, b, Forged)
	segment, err := w.nodes[1].Seal(nil, topology.ToSegment(0), []byte("for segment 0"), nil)
	if err != nil {
		t.Fatal(err)
	}
	w.mustOpen(1, 3, segment, Forged)
	// Another sender, source or port.
	w.mustOpen(3, 2, b, Stranger)
	if _, r := n.Open(w.now, addrOf(1), TokenPort, bytes.Clone(b)); r != Malformed {
		t.Errorf("a packet on the token port: %v", r)
	}
	w.mustOpen(1, 2, []byte("\x84\x00\x00\x80 plain"), Plain)
	w.mustOpen(1, 2, b[:Overhead-1], Malformed)
	// Each flipped bit and each cut.
	for i := range b {
		for bit := range 8 {
			c := bytes.Clone(b)
			c[i] ^= 1 << bit
			if _, r := w.open(1, 2, c); !r.Refused() {
				t.Fatalf("bit %d of byte %d flipped: %v", bit, i, r)
			}
		}
		if _, r := w.open(1, 2, b[:i]); !r.Refused() {
			t.Fatalf("cut to %d bytes: %v", i, r)
		}
	}
	if _, r := w.open(1, 2, append(bytes.Clone(b), 0)); !r.Refused() {
		t.Errorf("a byte more: %v", r)
	}
	// Another configuration.
	if err := n.Configure(testTopology(t), testHash+1); err != nil {
		t.Fatal(err)
	}
	w.mustOpen(1, 2, b, OtherConfiguration)
	if err := n.Configure(testTopology(t), testHash); err != nil {
		t.Fatal(err)
	}
	// None of this has hurt.
	w.mustOpen(1, 2, b, Opened)
	w.mustOpen(2, 2, b, Stranger)
	w.mustOpen(2, 2, w.seal(2, 1, "mine"), Own)
	// Another key.
	w.nodes[3].SetKeys(w.now, testRing(t, testKey(t, 2, AES)))
	w.mustOpen(3, 2, w.seal(3, 2, "?"), UnknownKey)
	// No keys.
	n.SetKeys(w.now, nil)
	w.mustOpen(1, 2, w.seal(1, 2, "!"), NoKeys)
	w.mustOpen(1, 2, []byte("\x84\x00\x00\x80 plain"), AcceptedPlain)
}

// TestRestart replays a recording of a peer's earlier life, to receivers that know its new life and
// to ones that know nothing.
func TestRestart(t *testing.T) {
	keys := testRing(t, testKey(t, 1, AES))
	w := newRing(t, keys)
	var recorded [][]byte
	for i := range 50 {
		recorded = append(recorded, w.seal(1, 2, fmt.Sprint("old ", i)))
	}
	for _, b := range recorded[:25] {
		w.mustOpen(1, 2, b, Opened)
	}
	w.start(1, keys)
	for _, b := range recorded[:25] {
		w.mustOpen(1, 2, b, Repeated)
	}
	w.pass(20 * time.Millisecond)
	replay := func(when string) {
		t.Helper()
		for _, b := range recorded {
			if got, r := w.open(1, 2, b); !r.Refused() {
				t.Fatalf("%s: opened %q", when, got)
			}
			w.pass(5 * time.Millisecond) // Challenges are answered by the new life.
			w.mustOpen(1, 2, w.seal(1, 2, "new"), Opened)
		}
	}
	replay("after a restart of the sender")
	w.start(2, keys)
	for _, b := range recorded {
		w.mustOpen(1, 2, b, Unproved)
	}
	w.pass(20 * time.Millisecond)
	replay("after a restart of the receiver")
	// A whole recorded handshake does not help: its answers are to challenges that are over.
	w.start(2, keys)
	delete(w.nodes, 1)
	for range 3 {
		for _, b := range recorded {
			w.mustOpen(1, 2, b, Unproved)
			w.pass(5 * time.Millisecond)
		}
	}
}

// TestReceiverRestarts replays to a new life of a receiver what the same life of the sender had
// sealed for the earlier one.
func TestReceiverRestarts(t *testing.T) {
	keys := testRing(t, testKey(t, 1, AES))
	w := newRing(t, keys)
	var recorded [][]byte
	for i := range 50 {
		recorded = append(recorded, w.seal(1, 2, fmt.Sprint("for the earlier life ", i)))
	}
	token, err := w.nodes[1].Seal(nil, topology.ToTokenPort(2), []byte("a token for the earlier life"), nil)
	if err != nil {
		t.Fatal(err)
	}
	w.start(2, keys)
	w.pass(20 * time.Millisecond)
	for _, b := range recorded {
		w.mustOpen(1, 2, b, Repeated)
	}
	if _, r := w.nodes[2].Open(w.now, addrOf(1), TokenPort, token); r != Repeated {
		t.Errorf("a token for an earlier life: %v, want %v", r, Repeated)
	}
	w.mustOpen(1, 2, w.seal(1, 2, "new"), Opened)
}

// TestHeldBack holds datagrams back until later ones have arrived. Packets may be late; what commands
// or says how things are may not.
func TestHeldBack(t *testing.T) {
	key := testKey(t, 1, AES)
	w := newRing(t, testRing(t, key))
	n := w.nodes[1]
	control := (&control{state: n.State()}).bytes()
	for _, tt := range []struct {
		kind Kind
		port Port
		want Reason
	}{
		{KindPacket, DataPort, Opened},
		{KindToken, TokenPort, Repeated},
		{KindControl, DataPort, Repeated},
	} {
		var list [2][]byte
		for i := range list {
			var err error
			if list[i], err = n.seal(nil, tt.kind, false, 2, control, nil); err != nil {
				t.Fatal(err)
			}
		}
		if _, r := w.nodes[2].Open(w.now, addrOf(1), tt.port, list[1]); r == Repeated {
			t.Errorf("kind %d: the later one: %v", tt.kind, r)
		}
		if _, r := w.nodes[2].Open(w.now, addrOf(1), tt.port, list[0]); r != tt.want {
			t.Errorf("kind %d: the earlier one: %v, want %v", tt.kind, r, tt.want)
		}
	}
}

// TestProvedIsAnswered floods a daemon with recorded challenges of an earlier life of a peer. The
// peer's own challenge is answered all the same.
func TestProvedIsAnswered(t *testing.T) {
	keys := testRing(t, testKey(t, 1, AES))
	w := newNet(t)
	w.start(1, keys)
	challenge := func() []byte {
		t.Helper()
		n := w.nodes[1]
		n.challenge(w.now, n.byID[2], &door{}, netip.AddrPort{})
		return n.Sends()[0].Bytes
	}
	old := challenge()
	w.start(1, keys)
	w.start(2, keys)
	w.pass(20 * time.Millisecond)
	w.mustOpen(1, 2, old, Unproved)
	if len(w.nodes[2].Sends()) == 0 {
		t.Error("an unproved daemon was not challenged")
	}
	w.mustOpen(1, 2, challenge(), Consumed)
	if len(w.nodes[2].Sends()) != 1 {
		t.Error("the challenge of a proved daemon was not answered")
	}
}

// TestHandshakeReplay records all that two lives of a daemon say, and replays the first life at
// each point.
func TestHandshakeReplay(t *testing.T) {
	keys := testRing(t, testKey(t, 1, AES))
	w := newNet(t)
	w.start(1, keys)
	w.start(2, keys)
	var recorded [][]byte
	exchange := func(record bool) {
		for range 10 {
			for id := range wire.DaemonID(3) {
				n := w.nodes[id]
				if n == nil {
					continue
				}
				n.Tick(w.now)
				for _, s := range n.Sends() {
					if id == 1 && record {
						recorded = append(recorded, bytes.Clone(s.Bytes))
					}
					for other, o := range w.nodes {
						if other != id {
							o.Open(w.now, addrOf(id), DataPort, bytes.Clone(s.Bytes))
						}
					}
				}
			}
			w.now = w.now.Add(3 * time.Millisecond)
		}
	}
	exchange(true)
	if !w.nodes[2].byID[1].proved {
		t.Fatal("daemon 1 has not proved itself")
	}
	old := w.seal(1, 2, "old")
	w.start(1, keys)
	exchange(false)
	for _, b := range recorded {
		w.nodes[2].Open(w.now, addrOf(1), DataPort, bytes.Clone(b))
		exchange(false)
		w.mustOpen(1, 2, old, Unproved)
		w.mustOpen(1, 2, w.seal(1, 2, "new"), Opened)
	}
	delete(w.nodes, 1)
	w.start(2, keys)
	for _, b := range recorded {
		w.nodes[2].Open(w.now, addrOf(1), DataPort, bytes.Clone(b))
		exchange(false)
		w.mustOpen(1, 2, old, Unproved)
	}
}

// TestHeldAnswer holds an answer back until its challenge is old.
func TestHeldAnswer(t *testing.T) {
	keys := testRing(t, testKey(t, 1, AES))
	for _, late := range []time.Duration{0, challengeLife, challengeLife + 1} {
		w := newNet(t)
		w.start(1, keys)
		w.start(2, keys)
		w.mustOpen(1, 2, w.seal(1, 2, "hello"), Unproved)
		challenge := w.nodes[2].Sends()
		w.mustOpen(2, 1, challenge[0].Bytes, Unproved)
		answer := w.nodes[1].Sends()
		w.now = w.now.Add(late)
		want := Consumed
		if late > challengeLife {
			want = Unproved
		}
		w.mustOpen(1, 2, answer[0].Bytes, want)
	}
}

func TestWindow(t *testing.T) {
	var w window
	seen := make(map[uint64]bool)
	highest := uint64(0)
	r := &stream{seed: 7}
	for range 200000 {
		var b [4]byte
		_, _ = r.Read(b[:])
		step := uint64(binary.BigEndian.Uint16(b[:]))
		c := highest + step%8
		switch b[2] % 16 {
		case 0:
			c = highest + step
		case 1, 2, 3:
			c = highest - min(highest, step%(windowLen+100))
		case 4:
			c = highest - min(highest, windowLen-1+step%3)
		}
		want := c > 0 && !seen[c] && (c > highest || highest-c < windowLen)
		if got := w.fresh(c); got != want {
			t.Fatalf("counter %d, highest %d: fresh %t, want %t", c, highest, got, want)
		}
		if want {
			w.see(c)
			seen[c] = true
			highest = max(highest, c)
		}
	}
}

func TestCounterEnds(t *testing.T) {
	w := newRing(t, testRing(t, testKey(t, 1, AES)))
	w.nodes[1].counter = 1<<64 - 2
	w.seal(1, 2, "the last")
	if _, err := w.nodes[1].Seal(nil, topology.ToDaemon(2), nil, nil); err == nil {
		t.Error("a counter was used twice")
	}
}
