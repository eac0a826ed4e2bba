package daemon

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/wire"
)

// The vectors are captured exchanges between clients and a C daemon. The tests send what the
// clients sent to this daemon, which must answer with the same bytes. deviations lists the intended
// differences.

const vectorDir = "../wire/testdata/client"

type vectorEntry struct {
	Conn, Dir, Hex, Event, Note string
	Len                         int
	SHA256                      string
	PrefixHex                   string `json:"prefix_hex"`
}

type vector struct {
	Name, Description, Setup string
	Messages                 []vectorEntry
}

// Setups of the vectors, as their files word them.
const (
	setupAlpha    = "one daemon named alpha, single segment, NULL authentication allowed"
	setupDelta    = `one daemon named delta, AllowedAuthMethods = "NULL IP", MaxSessionMessages = 10, IP rules "unix" and "local"`
	setupPassword = `one daemon named delta, built with the optional password method, AllowedAuthMethods = "NULL PWORD IP", password file has user alice with password secret`
	setupRing     = "daemons alpha, beta, gamma listed in this order in three segments of one daemon each"
)

// elsewhere lists the vectors that this test does not replay, with the test that covers them.
var elsewhere = map[string]string{
	"slow-client": "TestSlowClient: what is left in the kernel's buffers differs from run to run",
}

func loadVectors(t *testing.T) map[string]*vector {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.json"))
	if err != nil || len(files) < 100 {
		t.Fatalf("%d vectors in %s (%v)", len(files), vectorDir, err)
	}
	vectors := make(map[string]*vector)
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var v vector
		if err := json.Unmarshal(src, &v); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		vectors[v.Name] = &v
	}
	return vectors
}

// alphaID and deltaID are the ids of the daemons in the vectors.
const (
	alphaID = 2936723249
	deltaID = 3689798634
)

// setup returns the configuration in which a vector was captured.
func (v *vector) setup(t *testing.T) Config {
	t.Helper()
	cfg := testConfig(t, "alpha", alphaID)
	null := session.NullMethod{}
	ip := session.IPMethod{Permits: func(a netip.Addr, unix bool) bool { return unix || a.IsLoopback() }}
	switch v.Setup {
	case setupAlpha:
	case setupDelta:
		cfg = testConfig(t, "delta", deltaID)
		cfg.Sessions.MaxSessionMessages = 10
		cfg.Sessions.Auth.Allowed = []session.Method{null, ip}
	case setupPassword:
		cfg = testConfig(t, "delta", deltaID)
		password := session.PasswordMethod{Verify: func(u, p string) bool { return u == "alice" && p == "secret" }}
		cfg.Sessions.Auth.Allowed = []session.Method{null, ip, password}
	default:
		t.Fatalf("unknown setup %q", v.Setup)
	}
	switch v.Name {
	case "quota":
		cfg.Sessions.MaxSessions = session.None
	case "connect-silent", "reject-name-short":
		cfg.Sessions.HandshakeTimeout = 50 * time.Millisecond
	}
	return cfg
}

// testConfig returns the configuration of a daemon on free loopback ports that accepts everyone.
func testConfig(t testing.TB, name string, id wire.DaemonID) Config {
	t.Helper()
	return Config{
		Engine:    engine.Config{Topology: topology.Alone(id, name), Self: id},
		Listen:    []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")},
		SocketDir: t.TempDir(),
		Sessions: session.Config{
			Auth: session.Auth{Allowed: []session.Method{session.NullMethod{}}},
		},
	}
}

// start runs a daemon until the test ends.
func start(t testing.TB, cfg Config) *Daemon {
	t.Helper()
	d := launch(t, cfg)
	<-d.Ready()
	return d
}

// launch is start without waiting for the first membership.
func launch(t testing.TB, cfg Config) *Daemon {
	t.Helper()
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background()) // outlives t.Context
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("daemon: %v", err)
		}
		if st := d.Stats(); st.BlocksOut != 0 || st.Memory != 0 {
			t.Errorf("%d blocks and %d bytes were not given back", st.BlocksOut, st.Memory)
		}
	})
	return d
}

func TestVectors(t *testing.T) {
	for name, v := range loadVectors(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if v.Setup == setupRing {
				// These need other daemons. Tests of wire cover their bytes, tests of groups their
				// views.
				if name != "two-daemons" && !strings.HasPrefix(name, "daemon-") && !strings.HasPrefix(name, "membership-") {
					t.Errorf("unexpected vector of several daemons")
				}
				return
			}
			if elsewhere[name] != "" {
				return
			}
			r := &replay{t: t, d: start(t, v.setup(t)), conns: make(map[string]net.Conn), names: make(map[string]string), over: make(map[string]bool)}
			if dev, ok := deviations[name]; ok {
				r.play(v.Messages[:dev.at])
				dev.then(r, v.Messages)
				return
			}
			r.play(v.Messages)
		})
	}
	for name := range deviations {
		if _, ok := loadVectors(t)[name]; !ok {
			t.Errorf("deviation for %q, which is no vector", name)
		}
	}
}

// replay plays the clients of a vector.
type replay struct {
	t     *testing.T
	d     *Daemon
	conns map[string]net.Conn
	names map[string]string // random private groups: the captured one to this daemon's
	over  map[string]bool   // clients that have disconnected or seen the end
	tail  []byte            // what was sent of an incomplete message
}

func (r *replay) conn(label string) net.Conn {
	r.t.Helper()
	c := r.conns[label]
	if c != nil {
		return c
	}
	a := r.d.Addrs()[0]
	if strings.HasSuffix(r.t.Name(), "-unix") {
		a = r.d.Addrs()[1]
	}
	c, err := net.Dial(a.Network(), a.String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(testkit.Patience)); err != nil {
		r.t.Fatal(err)
	}
	r.conns[label] = c
	return c
}

func (r *replay) play(entries []vectorEntry) {
	r.t.Helper()
	for i, e := range entries {
		switch {
		case e.Conn == "-": // a remark on what happened to the C daemon
		case e.Dir == "c2d" && e.Event == "eof":
			r.close(e.Conn)
		case e.Dir == "c2d":
			r.send(e.Conn, e.bytes(r.t))
			if strings.HasSuffix(e.Note, "bytes of a message") {
				r.close(e.Conn) // The capture does not contain this.
			}
		case e.Event == "eof" || e.Event == "reset":
			r.expectEnd(e.Conn)
		case strings.HasPrefix(e.Event, "nothing for one second"):
			r.expectSilence(e.Conn, map[string]string{"a": "#bad#alpha", "w": "#watch#alpha"}[e.Conn])
		case e.Event != "":
			r.t.Fatalf("entry %d: unknown event %q", i, e.Event)
		default:
			r.expect(i, e.Conn, e.bytes(r.t))
		}
	}
}

// bytes returns the bytes of an entry. Those that are too long for the file have payloads that
// follow a simple pattern.
func (e *vectorEntry) bytes(t *testing.T) []byte {
	t.Helper()
	if e.Len == 0 {
		return decodeHex(t, e.Hex)
	}
	b := decodeHex(t, e.PrefixHex)
	const payload = wire.HeaderLen + wire.NameLen
	step := b[payload+1] - b[payload] // 0 if all bytes of the payload are equal
	for len(b) < e.Len {
		b = append(b, b[len(b)-1]+step)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != e.SHA256 {
		t.Fatal("the payload was not made again as captured")
	}
	return b
}

func decodeHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// send writes what a client sent. If that completes a message, it waits until the owner has
// processed it, because the order between clients is part of the vector.
func (r *replay) send(label string, b []byte) {
	r.t.Helper()
	for captured, ours := range r.names {
		b = bytes.ReplaceAll(b, padded(captured), padded(ours))
	}
	before := r.d.Stats()
	if _, err := r.conn(label).Write(b); err != nil {
		r.t.Fatalf("sending %d bytes: %v", len(b), err)
	}
	messages := r.wholeMessages(label, b)
	testkit.Wait(r.t, "the daemon to take what was sent", func() bool {
		now := r.d.Stats()
		return outcomes(now) >= outcomes(before)+messages || sessionEnds(now) > sessionEnds(before)
	})
}

// wholeMessages counts the messages that b completes. It looks at everything that was sent so far:
// a piece that does not decode as part of a handshake is part of a message.
func (r *replay) wholeMessages(label string, b []byte) (n int64) {
	r.tail = append(r.tail, b...)
	for len(r.tail) > 0 {
		var req wire.ConnectRequest
		if used, err := req.Decode(r.tail); err == nil && r.tail[1] < 20 && r.tail[0] < 9 && used == len(r.tail) {
			r.tail = nil
			return n
		}
		if len(r.tail) == wire.MethodChoiceLen || len(r.tail) == wire.PasswordRequestLen {
			r.tail = nil
			return n
		}
		var m wire.Message
		used, err := m.Decode(r.tail)
		if err != nil {
			if !errors.Is(err, wire.ErrShort) {
				r.tail = nil // An illegal header: the caller waits for the end of the session.
			}
			return n
		}
		r.tail = r.tail[used:]
		n++
		r.over[label] = r.over[label] || m.Type&wire.Kill != 0
	}
	return n
}

func outcomes(s Stats) (n int64) {
	for _, v := range s.Submitted {
		n += v
	}
	return n
}

func sessionEnds(s Stats) (n int64) {
	for _, v := range s.Sessions.Ended {
		n += v
	}
	return n
}

// close ends a client's connection and waits until the daemon has noticed.
func (r *replay) close(label string) {
	r.t.Helper()
	before := sessionEnds(r.d.Stats())
	if err := r.conn(label).Close(); err != nil {
		r.t.Fatal(err)
	}
	if !r.over[label] {
		testkit.Wait(r.t, "the end of a connection", func() bool { return sessionEnds(r.d.Stats()) > before })
	}
}

func (r *replay) expect(i int, label string, want []byte) {
	r.t.Helper()
	if strings.HasPrefix(r.t.Name(), "TestVectors/connect-no-name") && bytes.HasPrefix(want, []byte{byte(wire.AcceptSession)}) {
		r.expectMadeUp(label, want)
		return
	}
	got := make([]byte, len(want))
	n, err := io.ReadFull(r.conn(label), got)
	if err != nil {
		r.t.Fatalf("entry %d: %v after %d of %d bytes\nwant %s", i, err, n, len(want), wire.Dump(want))
	}
	maskTime(want)
	maskTime(got)
	if !bytes.Equal(got, want) {
		r.t.Fatalf("entry %d:\ngot  %x\n     %s\nwant %x\n     %s", i, got, wire.Dump(got), want, wire.Dump(want))
	}
}

// expectMadeUp reads an accept message with a name that the daemon chose.
func (r *replay) expectMadeUp(label string, want []byte) {
	r.t.Helper()
	var captured, ours wire.Accept
	if _, _, err := captured.Decode(want, true); err != nil {
		r.t.Fatal(err)
	}
	got := make([]byte, 5, 64)
	if _, err := io.ReadFull(r.conn(label), got); err != nil {
		r.t.Fatal(err)
	}
	got = got[:5+int(got[4])]
	if _, err := io.ReadFull(r.conn(label), got[5:]); err != nil {
		r.t.Fatal(err)
	}
	if _, _, err := ours.Decode(got, true); err != nil {
		r.t.Fatal(err)
	}
	name := wire.MakeName(string(ours.Group))
	if _, _, ok := name.SplitPrivate(); !ok || ours.Version != captured.Version {
		r.t.Fatalf("accept message %x", got)
	}
	r.names[string(captured.Group)] = string(ours.Group)
}

func padded(name string) []byte {
	n := wire.MakeName(name)
	return n[:]
}

// maskTime clears the time word of a group id, which differs from run to run.
func maskTime(b []byte) {
	var m wire.Message
	if _, err := m.Decode(b); err != nil || !m.Type.IsMembership() || len(m.Payload) < 12 {
		return
	}
	clear(m.Payload[4:8])
}

func (r *replay) expectEnd(label string) {
	r.t.Helper()
	r.over[label] = true
	n, err := r.conn(label).Read(make([]byte, 1))
	var timeout net.Error
	if n > 0 || err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		r.t.Fatalf("%s: read %d bytes (%v), want the end of the stream", label, n, err)
	}
}

// expectSilence checks that nothing has been delivered to a client: the next message that it
// receives is one that it sends to itself.
func (r *replay) expectSilence(label, private string) {
	r.t.Helper()
	m := wire.Message{
		Header:      wire.Header{Type: wire.FIFO, Sender: wire.MakeName(private), Hint: wire.MakeHint(77)},
		GroupFields: padded(private),
		Payload:     []byte("still here"),
	}
	b := m.Append(nil)
	r.send(label, b)
	r.expect(-1, label, b)
}
