package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spreadd/spreadd/internal/testkit/blind"
)

// Every target checks that its decoder does not panic, returns a length within the input, encodes
// to the same bytes, returns errors that say what and where, and allocates nothing but the error.

// seedMax excludes the longest units of the vectors from the seeds: they slow the search down and
// contain nothing new.
const seedMax = 4096

// seed adds the units of a kind from the vectors.
func seed(f *testing.F, kind unitKind, add func(u *unit)) {
	f.Helper()
	n := 0
	for _, u := range uniqueUnits(f) {
		if u.kind == kind && len(u.raw) <= seedMax {
			add(&u)
			n++
		}
	}
	if n == 0 {
		f.Fatal("no unit of this kind in the vectors")
	}
}

// checkAllocs fails if a decoder allocates more than its error.
func checkAllocs(t *testing.T, decode func() error) {
	t.Helper()
	if !blind.Due() {
		return
	}
	if n, limit := decodeAllocations(decode); n > limit {
		t.Errorf("%v allocations, want at most %v", n, limit)
	}
}

// checkFailure checks what a decoder promises about its error.
func checkFailure(t *testing.T, err error, b []byte) {
	t.Helper()
	if breach := checkDecodeError(err, b); breach != "" {
		t.Error(breach)
	}
}

// checkLength fails if a decoder reports that it used more than there was.
func checkLength(t *testing.T, n int, b []byte) {
	t.Helper()
	if n <= 0 || n > len(b) {
		t.Fatalf("used %d of %d bytes", n, len(b))
	}
}

// checkShorter fails if a decoder accepts a prefix of what it decoded, or refuses it for another
// reason than that the input is short. For long input it tries only some prefixes.
func checkShorter(t *testing.T, b []byte, decode func(b []byte) error) {
	t.Helper()
	for n := 0; n < len(b); n += 1 + len(b)/64 {
		if err := decode(b[:n:n]); !errors.Is(err, ErrShort) {
			t.Fatalf("%d of %d bytes: %v, want %v", n, len(b), err, ErrShort)
		}
	}
}

func FuzzConnectRequest(f *testing.F) {
	seed(f, unitRequest, func(u *unit) { f.Add(u.raw) })
	f.Add([]byte("\x05\x00\x01\x01\x0babcdefghijk")) // name too long
	f.Add([]byte("\x05\x00\x01\x01\x05ali"))         // name cut
	f.Add([]byte("\x03\x0e\x00\xff"))                // without patch, name too long
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		var r ConnectRequest
		n, err := r.Decode(b)
		checkAllocs(t, func() error { _, err := r.Decode(b); return err })
		size := ConnectRequestSize(b)
		for k := range min(size, len(b)) {
			if at := ConnectRequestSize(b[:k]); at <= k || at > size {
				t.Fatalf("size is %d, but %d after %d bytes", size, at, k)
			}
		}
		if err != nil {
			checkFailure(t, err, b)
			return
		}
		checkLength(t, n, b)
		if n != size || len(r.Name) > MaxPrivateName {
			t.Errorf("used %d bytes, size is %d, name %q", n, size, r.Name)
		}
		wantBytes(t, r.Append(nil), b[:n])
		checkShorter(t, b[:n], func(b []byte) error { _, err := new(ConnectRequest).Decode(b); return err })
	})
}

func FuzzFirstReply(f *testing.F) {
	seed(f, unitFirstReply, func(u *unit) { f.Add(u.raw) })
	f.Add([]byte("\x5b" + strings.Repeat("x", 91))) // one over the limit
	f.Add([]byte("\x08NULL  IP"))                   // an empty name in the list
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		list, code, n, err := DecodeFirstReply(b)
		checkAllocs(t, func() error { _, _, _, err := DecodeFirstReply(b); return err })
		if err != nil {
			checkFailure(t, err, b)
			return
		}
		checkLength(t, n, b)
		if code != 0 {
			if code > 0 || n != 1 || byte(code) != b[0] || list != nil {
				t.Errorf("code %v from %#x, %d bytes, list %q", code, b[0], n, list)
			}
			return
		}
		if list.Has("") || len(list) > MaxMethodList {
			t.Errorf("list %q", list)
		}
		wantBytes(t, list.Append(nil), b[:n])
		checkShorter(t, b[:n], func(b []byte) error { _, _, _, err := DecodeFirstReply(b); return err })
	})
}

func FuzzAccept(f *testing.F) {
	seed(f, unitAccept, func(u *unit) { f.Add(u.raw, u.hasPatch) })
	f.Add([]byte("\x01\x05\x00\x01\x20"+strings.Repeat("x", 32)), true)  // group too long
	f.Add([]byte("\x01\x05\x00\x1f"+strings.Repeat("x", 31)), false)     // longest group
	f.Add([]byte("\x02\x05\x00\x01\x00"), true)                          // no such code
	f.Add([]byte("\x01\x05\x00\x01\x0c#alice#alpha\x80\x11\x00"), false) // read with the wrong version
	blind.Fuzz(f, func(t *testing.T, b []byte, hasPatch bool) {
		var a Accept
		code, n, err := a.Decode(b, hasPatch)
		checkAllocs(t, func() error { _, _, err := a.Decode(b, hasPatch); return err })
		if err != nil {
			checkFailure(t, err, b)
			return
		}
		checkLength(t, n, b)
		if code != AcceptSession {
			if code >= 0 || n != 1 || byte(code) != b[0] || a.Group != nil {
				t.Errorf("code %v from %#x, %d bytes, group %q", code, b[0], n, a.Group)
			}
			return
		}
		if len(a.Group) > MaxGroupName {
			t.Errorf("group %q", a.Group)
		}
		wantBytes(t, a.Append(nil, hasPatch), b[:n])
		checkShorter(t, b[:n], func(b []byte) error { _, _, err := new(Accept).Decode(b, hasPatch); return err })
	})
}

func FuzzMethodChoice(f *testing.F) {
	seed(f, unitChoice, func(u *unit) { f.Add(u.raw) })
	f.Add(bytes.Repeat([]byte{'x'}, MethodChoiceLen))   // no zero anywhere
	f.Add(bytes.Repeat([]byte{'x'}, MethodChoiceLen-1)) // one byte short
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		var c MethodChoice
		err := c.Decode(b)
		checkAllocs(t, func() error { return c.Decode(b) })
		if err != nil {
			checkFailure(t, err, b)
			return
		}
		var names []string
		for m := range c.Methods() {
			if len(m) == 0 || len(m) > MethodNameLen || bytes.IndexByte(m, 0) >= 0 {
				t.Errorf("method %q", m)
			}
			names = append(names, string(m))
		}
		if len(names) > MethodFields {
			t.Errorf("%d methods", len(names))
		}
		wantBytes(t, c.Append(nil), b[:MethodChoiceLen])
		checkShorter(t, b[:MethodChoiceLen], new(MethodChoice).Decode)
		// A choice made of the names has the same meaning.
		if made, ok := MakeMethodChoice(names...); ok {
			i := 0
			for m := range made.Methods() {
				if i == len(names) || string(m) != names[i] {
					t.Errorf("method %d of %q is %q", i, names, m)
				}
				i++
			}
		}
	})
}

func FuzzPasswordRequest(f *testing.F) {
	seed(f, unitPassword, func(u *unit) { f.Add(u.raw) })
	f.Add(bytes.Repeat([]byte{'x'}, PasswordRequestLen))   // no zero anywhere
	f.Add(bytes.Repeat([]byte{'x'}, PasswordRequestLen-1)) // one byte short
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		var r PasswordRequest
		err := r.Decode(b)
		checkAllocs(t, func() error { return r.Decode(b) })
		if err != nil {
			checkFailure(t, err, b)
			return
		}
		wantBytes(t, r.Append(nil), b[:PasswordRequestLen])
		checkShorter(t, b[:PasswordRequestLen], new(PasswordRequest).Decode)
		if made, ok := MakePasswordRequest(r.User(), r.Password()); ok && (made.User() != r.User() || made.Password() != r.Password()) {
			t.Errorf("%q, %q becomes %q, %q", r.User(), r.Password(), made.User(), made.Password())
		}
	})
}

func FuzzHeader(f *testing.F) {
	seed(f, unitMessage, func(u *unit) { f.Add(u.raw[:HeaderLen]) })
	f.Add(bytes.Repeat([]byte{0xff}, HeaderLen))   // negative counts
	f.Add(bytes.Repeat([]byte{0x7f}, HeaderLen))   // huge counts, big-endian
	f.Add(bytes.Repeat([]byte{0x80}, HeaderLen-1)) // one byte short
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		var h Header
		err := h.Decode(b)
		checkAllocs(t, func() error { return h.Decode(b) })
		if err != nil {
			checkFailure(t, err, b)
			return
		}
		wantBytes(t, h.Append(nil), b[:HeaderLen])
		checkShorter(t, b[:HeaderLen], new(Header).Decode)

		size, err := h.Size()
		checkAllocs(t, func() error { _, err := h.Size(); return err })
		if err != nil {
			checkFailure(t, err, b)
		} else if size < HeaderLen {
			t.Errorf("size %d", size)
		}

		clean := h.Sender.Clean()
		why := h.CheckRequest(&clean)
		if why == NotRefused && (err != nil || size > MaxMessage || h.Type&byteOrderMarker != 0) {
			t.Errorf("%+v is taken; its size is %d, %v", h, size, err)
		}
		if int(why) >= NumReasons {
			t.Errorf("refused for %d", why)
		}

		normal, own := h, bytes.Clone(b)
		normal.Normalize(own)
		if !bytes.Equal(own[offSender:offNumGroups], b[offSender:offNumGroups]) ||
			!bytes.Equal(own[offHint:offDataLen], b[offHint:offDataLen]) ||
			!bytes.Equal(own[HeaderLen:], b[HeaderLen:]) {
			t.Errorf("%x\nis normalized to %x", b, own)
		}
		var again Header
		if err := again.Decode(own); err != nil || again.ByteOrder != LittleEndian {
			t.Errorf("normalized: %+v, %v", again, err)
		}
		// Half a marker vanishes in a whole one. Such a type is refused before.
		normal.Type &^= byteOrderMarker
		if again != normal {
			t.Errorf("normalized header is %+v, its bytes say %+v", normal, again)
		}
	})
}

func FuzzMessage(f *testing.F) {
	seed(f, unitMessage, func(u *unit) { f.Add(u.raw) })
	f.Add(parse(f, "80004080 "+field("#a#x")+" 01000000 80000080 02000000 80010080"+field("#a#x")+" 'hi'")) // reject
	f.Add(parse(f, "00400000 "+field("#a#x")+" 00000000 00000000 00000000 80010080"))                       // with a marker in its old type
	f.Add(parse(f, "a0000080 00*32 00000800 80000080 ffffff00"))                                            // large counts
	f.Add(parse(f, "a0000080 00*32 ffffffff 80000080 ffffffff 00*32"))                                      // negative counts
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		var m Message
		n, err := m.Decode(b)
		checkAllocs(t, func() error { _, err := m.Decode(b); return err })
		if err != nil {
			checkFailure(t, err, b)
			return
		}
		checkLength(t, n, b)
		if len(m.GroupFields) != NameLen*int(m.NumGroups) || len(m.Payload) != int(m.DataLen) {
			t.Errorf("%d bytes of groups and %d of payload, header %+v", len(m.GroupFields), len(m.Payload), m.Header)
		}
		wantBytes(t, m.Append(nil), b[:n])
		checkShorter(t, b[:n], func(b []byte) error { _, err := new(Message).Decode(b); return err })
		// A membership message that a client made need not be valid.
		if !m.Type.IsMembership() {
			for _, fault := range newConversation().faults(&m, b[:n]) {
				t.Error(fault)
			}
		}
	})
}

func FuzzMembership(f *testing.F) {
	seed(f, unitMessage, func(u *unit) {
		var m Message
		if _, err := m.Decode(u.raw); err == nil && m.Type.IsMembership() {
			f.Add(uint32(m.Type), m.ByteOrder == BigEndian, m.Payload)
		}
	})
	one := "01000000 02000000 03000000 01000000 00000000 01000000" + field("#a#x")
	f.Add(uint32(RegularMembership), true, parse(f, "00000001 00000002 00000003 00000001 00000000 00000001"+field("#a#x")))
	f.Add(uint32(RegularMembership), true, parse(f, one))                                                        // of the other order
	f.Add(uint32(RegularMembership), false, parse(f, one+"01"))                                                  // a byte too much
	f.Add(uint32(RegularMembership), false, parse(f, "00*12 02000000 04000000 00000000 00000000"))               // two empty sets
	f.Add(uint32(RegularMembership), false, parse(f, "00*12 01000000 00000000 ffffff7f"))                        // more members than bytes
	f.Add(uint32(Transitional), true, make([]byte, groupIDLen))                                                  // transitional
	f.Add(uint32(CausedByLeave), false, []byte{})                                                                // self-leave
	f.Add(uint32(CausedByLeave), false, []byte{0})                                                               // with a payload
	f.Add(uint32(RegularMembership|CausedByNetwork), false, parse(f, "00*12 01000000 ffffffff 01000000 00*32"))  // negative offset
	f.Add(uint32(RegularMembership|CausedByNetwork), false, parse(f, "00*12 ffffffff 00000000 01000000 78*32"))  // negative number of sets
	f.Add(uint32(RegularMembership|CausedByNetwork), false, parse(f, "00*12 01000000 00000000 ffffffff 78*32 ")) // negative count of members
	blind.Fuzz(f, func(t *testing.T, word uint32, big bool, b []byte) {
		typ, o := Type(word), LittleEndian
		if big {
			o = BigEndian
		}
		var m Membership
		err := m.Decode(typ, o, b)
		checkAllocs(t, func() error { return m.Decode(typ, o, b) })
		if err != nil {
			checkFailure(t, err, b)
			if len(m.Sets) != 0 || m.NumSets != 0 {
				t.Errorf("%v, and sets %+v", err, m)
			}
			return
		}
		wantBytes(t, m.Append(nil, typ), b)

		n, own, members := 0, 0, 0
		var sets []byte
		for i, s := range m.All() {
			if i != n || s.Len()*NameLen != len(s.Members) {
				t.Errorf("set %d has number %d and %d members in %d bytes", n, i, s.Len(), len(s.Members))
			}
			n++
			if s.Own {
				own++
			}
			sets = o.AppendUint32(sets, uint32(s.Len()))
			for _, name := range s.Names() {
				sets = append(sets, name[:]...)
				members++
			}
		}
		if n != m.NumSets || !bytes.Equal(sets, m.Sets) {
			t.Errorf("%d sets of %d, %x of %x", n, m.NumSets, sets, m.Sets)
		}
		if n > 0 && own != 1 || n == 0 && own != 0 {
			t.Errorf("%d own sets of %d", own, n)
		}
		if _, ok := m.Changed(); ok != (n == 1 && members == 1) {
			t.Errorf("changed %t with %d members in %d sets", ok, members, n)
		}
	})
}

func FuzzDump(f *testing.F) {
	seed(f, unitMessage, func(u *unit) { f.Add(u.raw) })
	f.Add([]byte(nil))
	f.Add(parse(f, "90000080 00*32 02000000 80000080 00000000 0a*32 1b5b314a 00*28")) // control characters
	f.Add(parse(f, "80110080 e2*32 00000000 80000080 01000000 00"))                   // no membership
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		line := Dump(b)
		if line == "" || !utf8.ValidString(line) || strings.ContainsFunc(line, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Errorf("%q is not a line of text", line)
		}
		// A byte of a name becomes at most four of text. The rest is words and numbers of bounded
		// size, and a word for each set.
		if limit := 512 + 8*len(b); len(line) > limit {
			t.Errorf("%d bytes become %d of text", len(b), len(line))
		}
	})
}

// FuzzStreams cuts the two streams of a connection in two places. The result does not depend on the
// places, and the units join to the same streams.
func FuzzStreams(f *testing.F) {
	for _, v := range vectors(f) {
		r := v.replay()
		for conn := range r.convs {
			if s := r.asStreams(conn); len(s[0])+len(s[1]) <= seedMax {
				f.Add(s[0], s[1], uint16(3), uint16(100))
			}
		}
	}
	blind.Fuzz(f, func(t *testing.T, fromClient, fromDaemon []byte, cut1, cut2 uint16) {
		streams := [2][]byte{fromClient, fromDaemon}
		want := takeApart(streams, func(left int) int { return left })
		cuts := []int{int(cut1), int(cut2)}
		i := 0
		got := takeApart(streams, func(left int) int {
			n := min(1+cuts[i%2], left)
			i++
			return n
		})
		if !got.equal(want) {
			t.Errorf("cut   %+v\nwhole %+v", got, want)
		}

		c := newConversation()
		for i, dir := range []string{c2d, d2c} {
			var again []byte
			for _, u := range c.feed(dir, streams[i]) {
				again = append(again, u.again...)
			}
			wantBytes(t, append(again, c.half[dir].buf...), streams[i])
		}
	})
}
