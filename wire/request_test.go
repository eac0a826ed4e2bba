package wire

import (
	"fmt"
	"math"
	"testing"
)

// self is the session that sends the requests of the tables.
var self = MakeName("#bad#alpha")

// legalHeader returns the header of a multicast that is not refused.
func legalHeader() Header {
	return Header{ByteOrder: LittleEndian, Type: Safe, Sender: self, NumGroups: 1, Hint: MakeHint(0), DataLen: 5}
}

// The checks run "in the order type, sender, num_groups, hint, data_len, total" (client-protocol
// §8).
func TestCheckRequestOrder(t *testing.T) {
	h := Header{NumGroups: -1, Hint: Hint{1}, DataLen: -1}
	mend := []struct {
		want Reason
		mend func()
	}{
		{RefusedType, func() { h.Type = Agreed }},
		{RefusedSender, func() { h.Sender = self }},
		{RefusedNumGroups, func() { h.NumGroups = MaxGroups }},
		{RefusedHint, func() { h.Hint = MakeHint(7) }},
		{RefusedDataLen, func() { h.DataLen = MaxDataField }},
		{RefusedTotal, func() { h.DataLen = 0 }},
		{NotRefused, func() {}},
	}
	for _, m := range mend {
		if got := h.CheckRequest(&self); got != m.want {
			t.Errorf("%+v: %v, want %v", h, got, m.want)
		}
		m.mend()
	}
	if len(mend) != NumReasons {
		t.Errorf("%d refusals, checked %d", NumReasons, len(mend))
	}
}

// The rows of client-protocol §8, and their limits.
func TestCheckRequest(t *testing.T) {
	tests := []struct {
		name string
		edit func(h *Header)
		want Reason
	}{
		{"multicast", func(*Header) {}, NotRefused},
		{"big-endian", func(h *Header) { h.ByteOrder, h.Hint = BigEndian, Hint{} }, NotRefused},
		{"join", func(h *Header) { h.Type = Join }, NotRefused},
		{"leave", func(h *Header) { h.Type = Leave }, NotRefused},
		{"disconnect", func(h *Header) { h.Type = Kill }, NotRefused},
		{"self discard", func(h *Header) { h.Type |= SelfDiscard }, NotRefused},
		{"DROP_RECV", func(h *Header) { h.Type |= DropRecv }, NotRefused},
		{"reserved bits, ok-type-extra-bits", func(h *Header) { h.Type |= 0xc000 }, NotRefused},
		{"high bits, ok-type-high-bits", func(h *Header) { h.Type |= 0x7e000000 }, NotRefused},

		{"type zero", func(h *Header) { h.Type = 0 }, RefusedType},
		{"two services", func(h *Header) { h.Type = FIFO | Safe }, RefusedType},
		{"two requests", func(h *Header) { h.Type = Join | Leave }, RefusedType},
		{"request and service", func(h *Header) { h.Type = Join | Agreed }, RefusedType},
		{"self discard only", func(h *Header) { h.Type = SelfDiscard }, RefusedType},
		{"half marker, first", func(h *Header) { h.Type |= 0x80000000 }, RefusedType},
		{"half marker, second", func(h *Header) { h.Type |= 0x80 }, RefusedType},
		{"GROUPS", func(h *Header) { h.Type |= Groups }, RefusedType},
		{"REJECT", func(h *Header) { h.Type |= Reject }, RefusedType},
		{"internal, first", func(h *Header) { h.Type |= 0x00100000 }, RefusedType},
		{"internal, second", func(h *Header) { h.Type |= 0x00200000 }, RefusedType},
		{"forged join", func(h *Header) { h.Type |= RegularMembership | CausedByJoin }, RefusedType},
		{"forged transitional", func(h *Header) { h.Type |= Transitional }, RefusedType},
		{"forged self-leave", func(h *Header) { h.Type |= CausedByLeave }, RefusedType},

		// Rows "sender field not of private group form", "daemon part of sender is not this
		// daemon", "name part is not this session".
		{"sender empty", func(h *Header) { h.Sender = Name{} }, RefusedSender},
		{"sender without #", func(h *Header) { h.Sender = MakeName("bad") }, RefusedSender},
		{"sender of another daemon", func(h *Header) { h.Sender = MakeName("#bad#beta") }, RefusedSender},
		{"sender of another session", func(h *Header) { h.Sender = MakeName("#good#alpha") }, RefusedSender},
		{"sender in other case", func(h *Header) { h.Sender = MakeName("#Bad#alpha") }, RefusedSender},
		{"sender cut", func(h *Header) { h.Sender = MakeName("#bad#alph") }, RefusedSender},
		{"sender longer", func(h *Header) { h.Sender = MakeName("#bad#alphab") }, RefusedSender},
		{"sender with tail, private-name-hash-daemon", func(h *Header) { copy(h.Sender[len("#bad#alpha")+1:], "XYZ") }, NotRefused},
		{"sender with last byte", func(h *Header) { h.Sender[31] = 'x' }, NotRefused},

		{"no groups, ok-groups-zero", func(h *Header) { h.NumGroups = 0 }, NotRefused},
		{"100 groups", func(h *Header) { h.NumGroups = 100 }, NotRefused},
		{"101 groups", func(h *Header) { h.NumGroups = 101 }, RefusedNumGroups},
		{"-1 groups", func(h *Header) { h.NumGroups = -1 }, RefusedNumGroups},
		{"most groups", func(h *Header) { h.NumGroups = math.MaxInt32 }, RefusedNumGroups},
		{"least groups", func(h *Header) { h.NumGroups = math.MinInt32 }, RefusedNumGroups},

		{"hint of the other order, ok-hint-no-marker", func(h *Header) { h.Hint = Hint{0, 0x12, 0x34, 0} }, NotRefused},
		{"hint with half a marker", func(h *Header) { h.Hint = Hint{0x80, 0, 0, 0} }, NotRefused},
		{"all of a hint", func(h *Header) { h.Hint = Hint{0x80, 0xff, 0xff, 0x80} }, NotRefused},
		{"hint with a low bit", func(h *Header) { h.Hint = Hint{0x81, 0, 0, 0x80} }, RefusedHint},
		{"hint with a high bit", func(h *Header) { h.Hint = Hint{0x80, 0, 0, 0x81} }, RefusedHint},

		{"no data", func(h *Header) { h.DataLen = 0 }, NotRefused},
		{"data -1", func(h *Header) { h.DataLen = -1 }, RefusedDataLen},
		{"data 144001", func(h *Header) { h.DataLen = 144001 }, RefusedDataLen},
		{"data 144000", func(h *Header) { h.DataLen = 144000 }, RefusedTotal},
		{"most data", func(h *Header) { h.DataLen = math.MaxInt32 }, RefusedDataLen},
		{"least data", func(h *Header) { h.DataLen = math.MinInt32 }, RefusedDataLen},
		{"143953 in total", func(h *Header) { h.DataLen = 143921 }, RefusedTotal},

		// §5.5: "the Go daemon drops the session for S > 143152 (or 143151 to stay clear of C)".
		{"143152 in total", func(h *Header) { h.DataLen = 143152 - 32 }, RefusedTotal},
		{"143151 in total", func(h *Header) { h.DataLen = 143151 - 32 }, NotRefused},
		{"143152 without groups", func(h *Header) { h.NumGroups, h.DataLen = 0, 143152 }, RefusedTotal},
		{"143151 without groups", func(h *Header) { h.NumGroups, h.DataLen = 0, 143151 }, NotRefused},
		{"143152 with 100 groups", func(h *Header) { h.NumGroups, h.DataLen = 100, 143152-3200 }, RefusedTotal},
		{"143151 with 100 groups", func(h *Header) { h.NumGroups, h.DataLen = 100, 143151-3200 }, NotRefused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := legalHeader()
			tt.edit(&h)
			if got := h.CheckRequest(&self); got != tt.want {
				t.Errorf("%+v: %v, want %v", h, got, tt.want)
			}
			if tt.want != NotRefused {
				return
			}
			if n, err := h.Size(); err != nil || n > MaxMessage {
				t.Errorf("taken with size %d, %v", n, err)
			}
		})
	}
}

// A private group of 31 bytes leaves one byte of the field, which counts as its end whatever it is
// (client-protocol §5.4).
func TestCheckRequestLongestSender(t *testing.T) {
	longest, err := PrivateGroup("0123456789", "0123456789012345678")
	if err != nil {
		t.Fatal(err)
	}
	h := legalHeader()
	h.Sender = longest
	h.Sender[31] = 'x'
	if got := h.CheckRequest(&longest); got != NotRefused {
		t.Errorf("refused for %v", got)
	}
	h.Sender[30]--
	if got := h.CheckRequest(&longest); got != RefusedSender {
		t.Errorf("another name: %v, want %v", got, RefusedSender)
	}
}

func TestReasonString(t *testing.T) {
	want := []string{"none", "type", "sender", "num_groups", "hint", "data_len", "total"}
	if len(want) != NumReasons {
		t.Fatalf("%d reasons, have names for %d", NumReasons, len(want))
	}
	for i, w := range want {
		if got := Reason(i).String(); got != w {
			t.Errorf("%d is %q, want %q", i, got, w)
		}
	}
	if got := Reason(NumReasons).String(); got != fmt.Sprintf("Reason(%d)", NumReasons) {
		t.Errorf("one too many is %q", got)
	}
}

// refusedVectors are the vectors in which a client sends something that we refuse. The C daemon
// takes the last four, and the first three of those damage it (client-protocol §8, §5.5).
var refusedVectors = map[string]Reason{
	"bad-type-zero":                 RefusedType,
	"bad-type-two-services":         RefusedType,
	"bad-type-two-requests":         RefusedType,
	"bad-type-request-and-service":  RefusedType,
	"bad-type-self-discard-only":    RefusedType,
	"bad-type-half-marker":          RefusedType,
	"bad-sender-no-hash":            RefusedSender,
	"bad-sender-empty":              RefusedSender,
	"bad-sender-other-daemon":       RefusedSender,
	"bad-sender-other-name":         RefusedSender,
	"bad-groups-negative":           RefusedNumGroups,
	"bad-groups-101":                RefusedNumGroups,
	"bad-hint":                      RefusedHint,
	"bad-hint-high":                 RefusedHint,
	"bad-data-negative":             RefusedDataLen,
	"bad-data-too-long":             RefusedDataLen,
	"bad-data-plus-groups-too-long": RefusedTotal,

	"crash-groups-bit":          RefusedType,
	"crash-exact-100-fragments": RefusedTotal,
	"crash-oversize":            RefusedTotal,
	"reject-bit":                RefusedType,
	"ok-type-memb-bits":         RefusedType,
}

// TestCheckRequestVectors checks every header that a client sends in a vector as its daemon would.
func TestCheckRequestVectors(t *testing.T) {
	refused := make(map[string]Reason)
	for _, v := range vectors(t) {
		r := v.replay()
		for conn, c := range r.convs {
			heads := make([][]byte, 0, len(r.entries))
			for _, e := range r.entries {
				for _, u := range e.units {
					if e.Conn == conn && u.dir == c2d && u.kind == unitMessage {
						heads = append(heads, u.raw)
					}
				}
			}
			// A stream with an impossible count cannot be split further.
			if left := c.half[c2d].buf; c.half[c2d].step == stepMessages && len(left) >= HeaderLen {
				heads = append(heads, left)
			}
			for _, b := range heads {
				var h Header
				if err := h.Decode(b); err != nil {
					t.Fatal(err)
				}
				why := h.CheckRequest(&c.group)
				if why == NotRefused {
					continue
				}
				if first, ok := refused[v.Name]; ok {
					t.Errorf("%s: refused for %v, then for %v", v.Name, first, why)
				}
				refused[v.Name] = why
			}
		}
		if got, want := refused[v.Name], refusedVectors[v.Name]; got != want {
			t.Errorf("%s: %v, want %v", v.Name, got, want)
		}
	}
	for name := range refusedVectors {
		if _, ok := refused[name]; !ok {
			t.Errorf("%s: nothing is refused, or there is no such vector", name)
		}
	}
}
