package session

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/wire"
)

// stream is a connection on which the client's data arrives in given pieces.
type stream struct {
	data   []byte
	pieces func() int
}

func (s *stream) Read(b []byte) (int, error) {
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b, s.data[:min(len(s.data), max(1, s.pieces()))])
	s.data = s.data[n:]
	return n, nil
}

func (s *stream) Write(b []byte) (int, error)      { return len(b), nil }
func (s *stream) Close() error                     { return nil }
func (s *stream) LocalAddr() net.Addr              { return nil }
func (s *stream) RemoteAddr() net.Addr             { return nil }
func (s *stream) SetDeadline(time.Time) error      { return nil }
func (s *stream) SetReadDeadline(time.Time) error  { return nil }
func (s *stream) SetWriteDeadline(time.Time) error { return nil }

func newServer(t testing.TB) *Server {
	t.Helper()
	s, err := New(Config{Daemon: "alpha", Pool: new(buf.Pool)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newSession(s *Server, conn net.Conn) *Session {
	sess := &Session{server: s, conn: conn, id: 1, name: "bob", group: wire.MakeName("#bob#alpha")}
	sess.out.init(sess)
	return sess
}

// readAll runs a reader on a stream. It returns the concatenated messages that reach the owner,
// their number and the End.
func readAll(t testing.TB, data []byte, pieces func() int) (got []byte, n int, end End) {
	t.Helper()
	s := newServer(t)
	r := reader{session: newSession(s, &stream{data, pieces})}
	done := make(chan End, 1)
	go func() { done <- r.run() }()
	take := func(b *Batch) {
		if len(b.Messages) == 0 || len(b.Messages) > batchMessages {
			t.Errorf("a batch of %d messages", len(b.Messages))
		}
		for _, m := range b.Messages {
			got = append(got, m.Bytes()...)
			n++
		}
		b.Done()
	}
	for end == 0 {
		select {
		case b := <-s.Inbox():
			take(b)
		case end = <-done:
		}
	}
	for len(s.inbox) > 0 {
		take(<-s.inbox)
	}
	if out := s.cfg.Pool.Out(); out != 0 {
		t.Errorf("%d blocks were not given back", out)
	}
	return got, n, end
}

func appendMessage(b []byte, o wire.ByteOrder, groups, payload int) []byte {
	hint := wire.MakeHint(3)
	if o == wire.BigEndian {
		hint = wire.Hint{0, 0, 3, 0}
	}
	m := wire.Message{
		Header:      wire.Header{ByteOrder: o, Type: wire.Agreed, Sender: wire.MakeName("#bob#alpha"), Hint: hint},
		GroupFields: bytes.Repeat([]byte{'g', 0}, groups*wire.NameLen/2),
		Payload:     bytes.Repeat([]byte{byte(payload)}, payload),
	}
	return m.Append(b)
}

// TestReader: the messages of a stream reach the owner whole, in order, and in little-endian byte
// order, in whatever pieces the stream arrives.
func TestReader(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	sizes := []int{0, 1, 200, 1400, 4000, 5000, 70_000, wire.MaxBody - wire.NameLen}
	var sent, want []byte
	const count = 600
	for i := range count {
		payload := sizes[rng.IntN(4)]
		if i%50 == 0 {
			payload = sizes[rng.IntN(len(sizes))]
		}
		groups := 1 + rng.IntN(2)
		payload = min(payload, wire.MaxBody-groups*wire.NameLen)
		order := wire.LittleEndian
		if i%7 == 0 {
			order = wire.BigEndian
		}
		sent = appendMessage(sent, order, groups, payload)
		at := len(want)
		want = appendMessage(want, wire.LittleEndian, groups, payload)
		if order == wire.BigEndian { // The hint does not change.
			copy(want[at+40:], []byte{0, 0, 3, 0})
		}
	}
	for name, pieces := range map[string]func() int{
		"all at once":  func() int { return 1 << 20 },
		"random":       func() int { return rng.IntN(3000) },
		"small blocks": func() int { return buf.Small },
		"tiny":         func() int { return 1 + rng.IntN(60) },
	} {
		t.Run(name, func(t *testing.T) {
			got, n, end := readAll(t, sent, pieces)
			if n != count || end != SessionClosed {
				t.Fatalf("%d messages, then %v; want %d, then %v", n, end, count, SessionClosed)
			}
			if !bytes.Equal(got, want) {
				t.Error("the messages differ from what was sent")
			}
		})
	}
}

// TestReaderStopsAtKill: nothing after a disconnect is read.
func TestReaderStopsAtKill(t *testing.T) {
	data := appendMessage(nil, wire.LittleEndian, 1, 10)
	kill := wire.Message{Header: wire.Header{Type: wire.Kill, Sender: wire.MakeName("#bob#alpha"), Hint: wire.MakeHint(0)}}
	data = kill.Append(data)
	data = appendMessage(data, wire.LittleEndian, 1, 10)
	if _, n, end := readAll(t, data, func() int { return 1 << 20 }); n != 2 || end != SessionKill {
		t.Errorf("%d messages, then %v; want 2, then %v", n, end, SessionKill)
	}
}

// TestReaderRefusesEarly: an illegal header ends the session before its body has arrived.
func TestReaderRefusesEarly(t *testing.T) {
	data := appendMessage(nil, wire.LittleEndian, 1, 10)
	bad := wire.Header{Type: wire.Agreed, Sender: wire.MakeName("#bob#alpha"), Hint: wire.MakeHint(0), DataLen: wire.MaxDataField + 1}
	data = bad.Append(data)
	if _, n, end := readAll(t, data, func() int { return 1 << 20 }); n != 1 || end != SessionIllegal {
		t.Errorf("%d messages, then %v; want 1, then %v", n, end, SessionIllegal)
	}
}

// FuzzReader: no stream makes the reader panic, leak a block, or pass on anything but messages that
// a client may send.
func FuzzReader(f *testing.F) {
	good := appendMessage(nil, wire.LittleEndian, 1, 10)
	f.Add(good, uint8(0))
	f.Add(appendMessage(good, wire.BigEndian, 2, 300), uint8(7))
	f.Add(good[:60], uint8(1))
	f.Add([]byte("GET / HTTP/1.0\r\nHost: not a spread client, but long enough for a header\r\n\r\n"), uint8(3))
	blind.Fuzz(f, func(t *testing.T, data []byte, piece uint8) {
		got, n, _ := readAll(t, data, func() int { return int(piece) })
		self := wire.MakeName("#bob#alpha")
		for range n {
			var m wire.Message
			used, err := m.Decode(got)
			if err != nil {
				t.Fatalf("handed on: %v", err)
			}
			if why := m.CheckRequest(&self); why != wire.NotRefused || m.ByteOrder != wire.LittleEndian {
				t.Fatalf("handed on a message that is refused for its %v: %s", why, wire.Dump(got))
			}
			got = got[used:]
		}
		if len(got) > 0 {
			t.Fatalf("%d bytes behind the last message", len(got))
		}
	})
}
