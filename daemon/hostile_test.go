package daemon

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/wire"
)

// witness is a pair of clients that check that a daemon still serves others.
type witness struct{ a, b *rawClient }

func newWitness(t testing.TB, d *Daemon) *witness {
	t.Helper()
	w := &witness{connect(t, d, 0, "wa", wire.FlagMembership), connect(t, d, 1, "wb", 0)}
	w.a.join("witness")
	return w
}

// check sends a message from one to the other.
func (w *witness) check(t testing.TB, payload string) {
	t.Helper()
	w.b.write(w.b.request(wire.Agreed, []byte(payload), "witness"))
	if m := w.a.message(); string(m.Payload) != payload {
		t.Fatalf("the witness got %q, want %q", m.Payload, payload)
	}
}

// TestGarbageHandshakes: random bytes end only their own connection.
func TestGarbageHandshakes(t *testing.T) {
	cfg := testConfig(t, "alpha", alphaID)
	cfg.Sessions.HandshakeTimeout = 100 * time.Millisecond
	d := start(t, cfg)
	w := newWitness(t, d)
	rng := rand.New(rand.NewPCG(1, 2))
	const count = 200
	for range count {
		c, err := net.Dial("tcp", d.Addrs()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		garbage := make([]byte, 1+rng.IntN(300))
		for i := range garbage {
			garbage[i] = byte(rng.Uint32())
		}
		_, _ = c.Write(garbage) // The daemon may have closed the connection.
		t.Cleanup(func() { _ = c.Close() })
	}
	w.check(t, "during")
	testkit.Wait(t, "all handshakes to end", func() bool {
		st := d.Stats().Sessions
		return st.Handshakes == 0 && sessionEnds(d.Stats()) == count
	})
	w.check(t, "after")
}

// TestGarbageMessages: random bytes after a valid handshake end the session.
func TestGarbageMessages(t *testing.T) {
	cfg := testConfig(t, "alpha", alphaID)
	log := new(testkit.Output)
	cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	d := start(t, cfg)
	w := newWitness(t, d)
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 50 {
		c := connect(t, d, i%2, fmt.Sprintf("g%d", i), 0)
		garbage := c.request(wire.Agreed, bytes.Repeat([]byte("y"), 100), "witness")
		for range 1 + rng.IntN(4) {
			garbage[rng.IntN(4)] = byte(rng.Uint32()) // in the type
		}
		garbage[1] |= 0x1f // membership bits, which no client may set
		_, _ = c.conn.Write(garbage)
		if n, err := io.Copy(io.Discard, c.conn); n != 0 {
			t.Fatalf("%d bytes came back (%v)", n, err)
		}
	}
	if n := d.Stats().Sessions.Ended[session.SessionIllegal]; n != 50 {
		t.Errorf("%d sessions ended as illegal, want 50", n)
	}
	text := log.String()
	if !strings.Contains(text, "level=WARN") || !strings.Contains(text, "session=#g0#alpha peer=127.0.0.1:") ||
		!strings.Contains(text, " reason=") || !strings.Contains(text, "session=#g1#alpha peer=local") {
		t.Errorf("the log does not say who was disconnected and why:\n%s", text)
	}
	if n := strings.Count(text, "level=WARN"); n >= 50 {
		t.Errorf("%d warnings about 50 sessions, which could fill the log", n)
	}
	w.check(t, "after")
}

// TestHalfMessage: a client that stops in the middle of a message delays nobody, and can continue
// later.
func TestHalfMessage(t *testing.T) {
	d := start(t, testConfig(t, "alpha", alphaID))
	w := newWitness(t, d)
	c := connect(t, d, 0, "half", 0)
	payload := strings.Repeat("z", wire.MaxBody-wire.NameLen)
	msg := c.request(wire.Agreed, []byte(payload), "witness")
	c.write(msg[:len(msg)/2])
	for i := range 100 {
		w.check(t, fmt.Sprint(i))
	}
	c.write(msg[len(msg)/2:])
	if m := w.a.message(); string(m.Payload) != payload {
		t.Errorf("the message arrives with %d bytes, want %d", len(m.Payload), len(payload))
	}
}

// TestSilentConnections: ten thousand connections that send nothing lock nobody out, and their
// number is bounded.
func TestSilentConnections(t *testing.T) {
	count := min(10_000, descriptors()-3*session.DefaultMaxHandshakes)
	if count < 2*session.DefaultMaxHandshakes {
		t.Skipf("the descriptor limit leaves %d connections, too few to fill the handshakes; raise it (ulimit -n)", count)
	}
	d := start(t, testConfig(t, "alpha", alphaID))
	w := newWitness(t, d)
	for i := range count {
		var c net.Conn
		testkit.Wait(t, fmt.Sprintf("room for connection %d in the backlog", i), func() (ok bool) {
			var err error
			c, err = net.Dial("unix", d.Addrs()[1].String())
			return err == nil
		})
		t.Cleanup(func() { _ = c.Close() })
		if i%1000 == 0 {
			w.check(t, fmt.Sprint(i))
		}
	}
	testkit.Wait(t, "the connections to be accepted", func() bool { return d.Stats().Sessions.Accepted >= int64(count) })
	late := connect(t, d, 1, "late", wire.FlagMembership)
	late.join("late")
	w.check(t, "after")
	st := d.Stats().Sessions
	if st.Handshakes > session.DefaultMaxHandshakes {
		t.Errorf("%d handshakes going on, want at most %d", st.Handshakes, session.DefaultMaxHandshakes)
	}
	if evicted := st.Ended[session.HandshakeEvicted]; evicted < int64(count-session.DefaultMaxHandshakes) {
		t.Errorf("%d handshakes evicted, want %d or more", evicted, count-session.DefaultMaxHandshakes)
	}
	if st.Sessions != 3 {
		t.Errorf("%d sessions, want 3", st.Sessions)
	}
}

// TestQuota: the session over the limit is refused, and another is accepted when one has ended.
func TestQuota(t *testing.T) {
	cfg := testConfig(t, "alpha", alphaID)
	cfg.Sessions.MaxSessions = 3
	d := start(t, cfg)
	var first *rawClient
	for i := range 3 {
		c := connect(t, d, i%2, fmt.Sprintf("c%d", i), 0)
		if first == nil {
			first = c
		}
	}
	c, err := net.Dial("tcp", d.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	// The refusal arrives before the client has sent anything.
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, []byte{0xfd}) {
		t.Errorf("got % x (%v), want fd", got, err)
	}
	first.write(first.request(wire.Kill, nil, "x"))
	testkit.Wait(t, "a free session", func() bool { return d.Stats().Sessions.Sessions == 2 })
	connect(t, d, 0, "c4", 0)
}

// TestParallelHandshakes: a handshake in which the client is silent does not delay another.
func TestParallelHandshakes(t *testing.T) {
	cfg := testConfig(t, "alpha", alphaID)
	cfg.Sessions.HandshakeTimeout = time.Hour
	d := start(t, cfg)
	for range 20 {
		c, err := net.Dial("tcp", d.Addrs()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	connect(t, d, 0, "quick", 0)
}
