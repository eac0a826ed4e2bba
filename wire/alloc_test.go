package wire

import (
	"errors"
	"testing"
)

// allocations returns how often f allocates. Allocations of other goroutines count too, but vanish
// in the average.
func allocations(f func()) float64 { return testing.AllocsPerRun(20, f) }

// decodeAllocations returns how often a decoder allocates, and how often it may: once for an error.
func decodeAllocations(decode func() error) (got, limit float64) {
	if decode() != nil {
		limit = 1
	}
	return allocations(func() { _ = decode() }), limit
}

// Nothing that is done for each message or session allocates once the buffers exist.
func TestAllocs(t *testing.T) {
	var (
		request    = parse(t, "05 00 01 01 05 'alice'")
		firstReply = parse(t, "08 'NULL' 20 'IP' 20")
		choice     = parse(t, "'NULL' 00*26 'IP' 00*58")
		password   = parse(t, "'alice' 00*27 'secret' 00*2")
		accept     = parse(t, "01 05 00 01 0c '#alice#alpha'")
		multicast  = parse(t, "00000020 "+field("#bad#alpha")+" 00000002 00123400 00000005"+field("one")+field("two")+" 'hello'")
		reject     = parse(t, "80004080 "+field("#a#x")+" 01000000 80000080 02000000 80010080"+field("#a#x")+" 'hi'")
		network    = parse(t, "01000000 02000000 03000000 02000000 24000000 01000000"+field("#a#x")+"01000000"+field("#c#y"))

		r   ConnectRequest
		c   MethodChoice
		p   PasswordRequest
		a   Accept
		h   Header
		m   Message
		v   Membership
		buf = make([]byte, 0, 4096)
	)
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		f    func()
	}{
		{"ConnectRequest", func() {
			_, err := r.Decode(request)
			must(err)
			buf = r.Append(buf[:0])
		}},
		{"MethodList", func() {
			list, _, _, err := DecodeFirstReply(firstReply)
			must(err)
			if !list.Has(MethodIP) {
				t.Fatal("no IP")
			}
			buf = list.Append(buf[:0])
		}},
		{"MethodChoice", func() {
			must(c.Decode(choice))
			n := 0
			for range c.Methods() {
				n++
			}
			if n != 2 {
				t.Fatalf("%d methods", n)
			}
			buf = c.Append(buf[:0])
		}},
		{"PasswordRequest", func() {
			must(p.Decode(password))
			buf = p.Append(buf[:0])
		}},
		{"Accept", func() {
			_, _, err := a.Decode(accept, true)
			must(err)
			buf = a.Append(buf[:0], true)
		}},
		{"Header", func() {
			must(h.Decode(multicast))
			if why := h.CheckRequest(&self); why != NotRefused {
				t.Fatal(why)
			}
			_, err := h.Size()
			must(err)
			buf = h.Append(buf[:0])
			h.Normalize(buf)
		}},
		{"Message", func() {
			_, err := m.Decode(multicast)
			must(err)
			n := 0
			for _, name := range m.Groups() {
				n += name.Len()
			}
			if n != 6 {
				t.Fatalf("names of %d bytes", n)
			}
			buf = m.Append(buf[:0])
		}},
		{"reject", func() {
			_, err := m.Decode(reject)
			must(err)
			buf = m.Append(buf[:0])
			if TypeOf(buf) != m.Type || SizeOf(buf) != len(buf) || *SenderOf(buf) != m.Sender {
				t.Fatal("in place it is another")
			}
		}},
		{"Membership", func() {
			must(v.Decode(RegularMembership, LittleEndian, network))
			n := 0
			for _, set := range v.All() {
				for _, name := range set.Names() {
					n += name.Len()
				}
			}
			if n != 8 {
				t.Fatalf("names of %d bytes", n)
			}
			if _, ok := v.Changed(); ok {
				t.Fatal("two sets have a changed member")
			}
			buf = v.Append(buf[:0], RegularMembership)
		}},
		{"AppendSet", func() { buf = AppendSet(buf[:0], BigEndian, self, self) }},
		{"Name", func() {
			n := MakeName("#bad#alpha")
			n[20] = 'x'
			clean := n.Clean()
			private, daemon, ok := clean.SplitPrivate()
			if clean != self || !ok || !LegalPrivateName(private) || !LegalDaemonName(daemon) || LegalGroup(n.Bytes()) {
				t.Fatal(clean)
			}
		}},
		{"PrivateGroup", func() {
			_, err := PrivateGroup("bad", "alpha")
			must(err)
		}},
	}
	for _, tt := range tests {
		if n := allocations(tt.f); n != 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
}

// Input that cannot be decoded costs its error, and nothing that depends on counts from the
// network.
func TestAllocsOfErrors(t *testing.T) {
	counts := parse(t, "a0000080 00*32 00000800 80000080 ffffff00")
	set := parse(t, "00*12 01000000 00000000 ffffff7f")
	for name, decode := range map[string]func() error{
		"request": func() error { _, err := new(ConnectRequest).Decode(counts[:3]); return err },
		"message": func() error { _, err := new(Message).Decode(counts); return err },
		"membership": func() error {
			return new(Membership).Decode(RegularMembership, LittleEndian, set)
		},
	} {
		if n, limit := decodeAllocations(decode); n > limit || limit != 1 {
			t.Errorf("%s: %v allocations, want %v", name, n, limit)
		}
	}
}

// The measurement that the other tests rely on must detect an allocation.
func TestAllocsBite(t *testing.T) {
	var sink []byte
	if n := allocations(func() { sink = make([]byte, len(sink)+1) }); n != 1 {
		t.Errorf("one allocation is measured as %v", n)
	}
	if n := allocations(func() { sink = []byte(Dump(sink)) }); n == 0 {
		t.Error("Dump allocates nothing")
	}
	errNever := errors.New("never")
	if _, limit := decodeAllocations(func() error { return errNever }); limit != 1 {
		t.Errorf("an error may cost %v allocations", limit)
	}
}
