package spread

import (
	"bytes"
	"io"
	"net"
	"testing"
	"testing/iotest"

	"github.com/spreadd/spreadd/internal/testkit/blind"
	"github.com/spreadd/spreadd/wire"
)

// readConn is a connection that only reads. Its network is none of package
// net's, so that the receiver reads from it as from anything.
type readConn struct {
	net.Conn
	r io.Reader
}

func (c readConn) Read(b []byte) (int, error) { return c.r.Read(b) }
func (c readConn) Close() error               { return nil }

// FuzzReceive feeds a connection with anything a daemon could say. It must not
// panic, must say the same however the stream is cut, and must come to an end.
func FuzzReceive(f *testing.F) {
	for _, v := range loadVectors(f) { // real streams, behind their handshake
		for _, conn := range v.conns() {
			if units := v.units(f, conn, "d2c"); len(units) > 2 {
				f.Add(bytes.Join(units[2:], nil))
			}
		}
	}
	long := wire.Header{Type: wire.Agreed, DataLen: wire.MaxDeliveredData}
	f.Add(append(long.Append(nil), make([]byte, 100_000)...)) // longer than a chunk
	for _, n := range []wire.Notice{
		{Kind: wire.NoticeChange, Value: 18_000, Limit: 1, Text: []byte("h3 left: no answer, 18 ms, 1 packet lost")},
		{Kind: wire.NoticeSlow, Value: 1, Limit: 2, Text: []byte("you do not read")},
		{Kind: wire.NoticeEnding, Cause: wire.EndingIllegal, Text: []byte("the daemon ends this session")},
	} {
		f.Add(n.Message())
	}
	blind.Fuzz(f, func(t *testing.T, stream []byte) {
		whole := receiveStream(t, bytes.NewReader(stream))
		cut := iotest.OneByteReader
		if len(stream) > 2048 {
			cut = iotest.HalfReader // Single bytes of long streams take long.
		}
		pieces := receiveStream(t, cut(bytes.NewReader(stream)))
		if whole != pieces {
			t.Errorf("in one piece\n%s\nin pieces\n%s", whole, pieces)
		}
	})
}

func receiveStream(t *testing.T, r io.Reader) string {
	nc := readConn{r: r}
	c := &Conn{nc: nc, self: wire.MakeName(alice), group: alice, out: newSender(nc, 0)}
	c.in = newReceiver(nc, alice)
	c.in.notices = true
	var s bytes.Buffer
	for e, err := range c.Events(t.Context()) {
		if err != nil {
			s.WriteString(err.Error() + "\n")
		} else {
			s.WriteString(describe(e))
		}
	}
	return s.String()
}
