package wire

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// TCP does not keep the boundaries of writes (client-protocol §8, "a message may arrive in any
// number of segments and several may arrive in one"). These tests cut the streams of the vectors in
// other places than the captured ones, and expect the same units.

// asStreams returns the bytes of each connection's two streams, the client's first, because what a
// daemon may say depends on it.
func (r *replayed) asStreams(conn string) [2][]byte {
	return [2][]byte{r.streams[stream{conn, c2d}], r.streams[stream{conn, d2c}]}
}

// taken is the result of a conversation.
type taken struct {
	lines []string
	left  [2]int
	err   [2]string
}

// takeApart feeds two streams in pieces of the lengths that next returns.
func takeApart(streams [2][]byte, next func(left int) int) taken {
	var got taken
	c := newConversation()
	for i, dir := range []string{c2d, d2c} {
		for b := streams[i]; len(b) > 0; {
			n := next(len(b))
			for _, u := range c.feed(dir, b[:n]) {
				got.lines = append(got.lines, u.line)
			}
			b = b[n:]
		}
		h := c.half[dir]
		got.left[i] = len(h.buf)
		if h.err != nil {
			got.err[i] = h.err.Error()
		}
	}
	return got
}

func (t taken) equal(o taken) bool {
	return slices.Equal(t.lines, o.lines) && t.left == o.left && t.err == o.err
}

func TestStreamsCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	cuts := []struct {
		name  string
		times int
		next  func(left int) int
	}{
		{"byte by byte", 1, func(int) int { return 1 }},
		{"small pieces", 5, func(left int) int { return 1 + rng.IntN(min(left, 9)) }},
		{"pieces of any size", 10, func(left int) int { return 1 + rng.IntN(left) }},
	}
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			r := v.replay()
			for conn := range r.convs {
				streams := r.asStreams(conn)
				want := takeApart(streams, func(left int) int { return left })
				for _, cut := range cuts {
					if len(streams[0])+len(streams[1]) > MaxMessage && cut.times == 1 {
						continue // takes long, and adds nothing
					}
					for range cut.times {
						if got := takeApart(streams, cut.next); !got.equal(want) {
							t.Fatalf("%s, %s:\ngot  %+v\nwant %+v", conn, cut.name, got, want)
						}
					}
				}
			}
		})
	}
}

// TestUnitPrefixes gives each decoder every prefix of each unit. It must ask for more, and what it
// reports about the length must be true.
func TestUnitPrefixes(t *testing.T) {
	for _, u := range uniqueUnits(t) {
		whole := len(u.raw)
		step := 1
		if whole > 4096 {
			step = 89 // one byte of a long payload is like another
		}
		for n := 0; n < whole; n += step {
			b := u.raw[:n:n]
			if err := decodeUnit(&u, b); !errors.Is(err, ErrShort) {
				t.Fatalf("%s, %d of %d bytes: %v, want %v", u.line, n, whole, err, ErrShort)
			}
			switch u.kind {
			case unitRequest:
				if size := ConnectRequestSize(b); size <= n || size > whole {
					t.Fatalf("%s, %d of %d bytes: size %d", u.line, n, whole, size)
				}
			case unitMessage:
				var h Header
				if err := h.Decode(b); (err == nil) != (n >= HeaderLen) {
					t.Fatalf("%s, %d of %d bytes: header %v", u.line, n, whole, err)
				}
				if n < HeaderLen {
					continue
				}
				if size, err := h.Size(); size != whole || err != nil {
					t.Fatalf("%s, %d of %d bytes: size %d, %v", u.line, n, whole, size, err)
				}
			default:
			}
		}
		if err := decodeUnit(&u, u.raw); err != nil {
			t.Fatalf("%s: %v", u.line, err)
		}
	}
}

// decodeUnit runs the decoder of the unit's kind over b.
func decodeUnit(u *unit, b []byte) (err error) {
	switch u.kind {
	case unitRequest:
		_, err = new(ConnectRequest).Decode(b)
	case unitFirstReply:
		_, _, _, err = DecodeFirstReply(b)
	case unitChoice:
		err = new(MethodChoice).Decode(b)
	case unitPassword:
		err = new(PasswordRequest).Decode(b)
	case unitPasswordResult:
		if len(b) == 0 {
			err = ErrShort
		}
	case unitAccept:
		_, _, err = new(Accept).Decode(b, u.hasPatch)
	case unitMessage:
		_, err = new(Message).Decode(b)
	}
	return err
}

// uniqueUnits returns the units of all vectors, each content once.
func uniqueUnits(t testing.TB) []unit {
	t.Helper()
	type content struct {
		kind unitKind
		raw  string
	}
	seen := make(map[content]bool)
	var all []unit
	for _, v := range vectors(t) {
		for _, e := range v.replay().entries {
			for _, u := range e.units {
				if c := (content{u.kind, string(u.raw)}); !seen[c] {
					seen[c] = true
					all = append(all, u)
				}
			}
		}
	}
	return all
}

// TestConnectRequestReader reads requests as the comment of ConnectRequestSize says: up to the
// size, repeatedly. It must never read what a client sent after its request.
func TestConnectRequestReader(t *testing.T) {
	for _, u := range uniqueUnits(t) {
		if u.kind != unitRequest {
			continue
		}
		sent := append(slices.Clone(u.raw), "method choice"...)
		var have []byte
		for reads := 0; ; reads++ {
			size := ConnectRequestSize(have)
			if size == len(have) {
				break
			}
			if size < len(have) || reads == 3 {
				t.Fatalf("%s: size %d with %d bytes after %d reads", u.line, size, len(have), reads)
			}
			have = sent[:size]
		}
		if len(have) != len(u.raw) {
			t.Errorf("%s: read %d bytes, the request has %d", u.line, len(have), len(u.raw))
		}
	}
}
