package seal

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// TestRotate changes keys file by file while each daemon is heard by all others after each step.
func TestRotate(t *testing.T) {
	first, second := testKey(t, 1, AES), testKey(t, 2, ChaCha)
	w := newRing(t, testRing(t, first))
	heard := func() {
		t.Helper()
		for from := range wire.DaemonID(3) {
			for to := range wire.DaemonID(3) {
				if from != to {
					w.mustOpen(from+1, to+1, w.seal(from+1, to+1, "heard"), Opened)
				}
			}
		}
	}
	// Each host gets a file with both keys that already names the new one: the last to get it has
	// the others use it.
	both := testRing(t, second, first)
	for id := range wire.DaemonID(3) {
		w.nodes[id+1].SetKeys(w.now, both)
		if key, lacking := w.nodes[id+1].Waits(w.now); id < 2 && (key != second.id || len(lacking) == 0) {
			t.Errorf("daemon %d waits for key %v, lacking at %v", id+1, key, lacking)
		}
		heard()
		w.pass(10 * time.Millisecond)
		heard()
	}
	for id, n := range w.nodes {
		if n.use != second {
			t.Errorf("daemon %d uses %v, want %v", id, n.use, second)
		}
	}
	inFlight := w.seal(1, 2, "in flight")
	w.nodes[1].SetKeys(w.now, both)
	w.mustOpen(1, 2, inFlight, Opened)
	only := testRing(t, second)
	for id := range wire.DaemonID(3) {
		w.nodes[id+1].SetKeys(w.now, only)
		heard()
	}
	// A daemon that was away comes back with the file.
	w.start(3, only)
	w.pass(20 * time.Millisecond)
	heard()
}

// TestSwitch changes from plain to sealed and back.
func TestSwitch(t *testing.T) {
	parse := func(send, accept string) *Keyring {
		k, _, err := Parse("keys", fmt.Appendf(nil, "send = %q\naccept = %q\nkeys = [%q]\n", send, accept, testKey(t, 1, AES).Text()))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	w := newNet(t)
	for id := range wire.DaemonID(3) {
		w.start(id+1, nil)
		w.nodes[id+1].SetMembers(w.now, []wire.DaemonID{1, 2, 3})
	}
	heard := func() {
		t.Helper()
		for from := range wire.DaemonID(3) {
			for to := range wire.DaemonID(3) {
				b := []byte("\x84\x00\x00\x80 plain")
				if !w.nodes[from+1].Plain() {
					b = w.seal(from+1, to+1, "sealed")
				}
				if _, r := w.open(from+1, to+1, b); from != to && r.Refused() {
					t.Errorf("%d at %d: %v", from+1, to+1, r)
				}
			}
		}
	}
	for _, k := range []*Keyring{parse("plain", "both"), parse("sealed", "both"), parse("sealed", "sealed"), parse("sealed", "both"), parse("plain", "both"), nil} {
		for id := range wire.DaemonID(3) {
			w.nodes[id+1].SetKeys(w.now, k)
			heard()
			w.pass(20 * time.Millisecond)
			heard()
		}
		for id, n := range w.nodes {
			if n.Plain() != (k == nil || k.sendPlain) {
				t.Errorf("daemon %d sends plain: %t", id, n.Plain())
			}
		}
	}
	// Files that seal at once: the first daemon waits for the others.
	for id := range wire.DaemonID(3) {
		w.nodes[id+1].SetKeys(w.now, parse("sealed", "both"))
		w.pass(20 * time.Millisecond)
		heard()
		if plain := w.nodes[1].Plain(); plain != (id < 2) {
			t.Errorf("with keys at %d daemons the first sends plain: %t", id+1, plain)
		}
	}
}

func TestMonitor(t *testing.T) {
	first, second := testKey(t, 1, AES), testKey(t, 2, AES)
	w := newRing(t, testRing(t, first, second))
	d := w.nodes[1]
	monitor := func(seed byte) *Node {
		m, err := NewNode(2, Monitor, testRing(t, first), &stream{seed: seed})
		if err == nil {
			err = m.Configure(testTopology(t), testHash)
		}
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	var recorded [][]byte
	talk := func(m *Node, use KeyID) {
		t.Helper()
		m.Greet(w.now, 1, 6543, use)
		for range 4 {
			for _, s := range m.Sends() {
				recorded = append(recorded, bytes.Clone(s.Bytes))
				d.Open(w.now, addrOf(2), DataPort, s.Bytes)
			}
			for _, s := range d.Sends() {
				if s.Monitor != netip.AddrPortFrom(addrOf(2), 6543) {
					continue
				}
				m.Open(w.now, addrOf(1), MonitorPort, s.Bytes)
			}
			w.now = w.now.Add(3 * time.Millisecond)
		}
	}
	m := monitor(50)
	request, err := m.SealRequest(nil, 1, []byte("status"))
	if err != nil {
		t.Fatal(err)
	}
	w.mustOpen(2, 1, request, Unproved)
	talk(m, 0)
	w.mustOpen(2, 1, request, Repeated) // The daemon may have started after it.
	if request, err = m.SealRequest(nil, 1, []byte("status")); err != nil {
		t.Fatal(err)
	}
	p := m.Peers()[0]
	if !p.Stated || p.State.InUse != first.id || !slices.Equal(p.State.Keys, []KeyID{first.id, second.id}) {
		t.Fatalf("the monitor knows %+v", p)
	}
	w.mustOpen(2, 1, request, Opened)
	w.mustOpen(2, 1, request, Repeated)
	report, err := d.SealReport(nil, []byte("report"))
	if err != nil {
		t.Fatal(err)
	}
	if text, r := m.Open(w.now, addrOf(1), MonitorPort, bytes.Clone(report)); r != Opened || string(text) != "report" {
		t.Errorf("report opened as %q, %v", text, r)
	}
	if _, r := m.Open(w.now, addrOf(1), MonitorPort, report); r != Repeated {
		t.Errorf("report again: %v", r)
	}
	// A command: the daemon uses the key when all members have it, which they do.
	w.pass(10 * time.Millisecond)
	talk(m, second.id)
	if d.use != second {
		t.Errorf("daemon uses %v, want %v", d.use, second)
	}
	talk(m, first.id)
	// Replaying it all, also to a new life, changes nothing.
	for range 3 {
		for _, b := range recorded {
			d.Open(w.now, addrOf(2), DataPort, bytes.Clone(b))
			w.now = w.now.Add(3 * time.Millisecond)
		}
		if d.use != first {
			t.Fatal("a replayed command was obeyed")
		}
		d = w.start(1, testRing(t, first, second))
	}
	// Many monitors: the oldest are forgotten.
	for i := range byte(3 * maxMonitors) {
		talk(monitor(120+i), 0)
	}
	if n := len(d.monitors); n != maxMonitors {
		t.Errorf("%d monitors are known, want %d", n, maxMonitors)
	}
}
