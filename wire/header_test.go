package wire

import (
	"bytes"
	"math"
	"testing"
)

// tailed is a name field with bytes after its end (client-protocol §5.4).
var tailed = func() (n Name) {
	copy(n[:], "#a#x\x00JUNK")
	n[31] = 'Z'
	return n
}()

func TestHeader(t *testing.T) {
	tests := []struct {
		name  string
		bytes string
		want  Header
	}{
		{
			// client-protocol §5.1, §5.3
			"little-endian",
			"a0000080 " + field("#alice#alpha") + " 01000000 80341280 05000000",
			Header{LittleEndian, Safe, MakeName("#alice#alpha"), 1, Hint{0x80, 0x34, 0x12, 0x80}, 5},
		},
		{
			"big-endian",
			"00000020 " + field("#alice#alpha") + " 00000001 00123400 00000005",
			Header{BigEndian, Safe, MakeName("#alice#alpha"), 1, Hint{0, 0x12, 0x34, 0}, 5},
		},
		{
			// Every byte of every number is in its place.
			"little-endian, all bytes",
			"84030281 " + field("#a#x") + " 04030201 80060780 08070605",
			Header{LittleEndian, 0x01020304, MakeName("#a#x"), 0x01020304, Hint{0x80, 6, 7, 0x80}, 0x05060708},
		},
		{
			"big-endian, all bytes",
			"01020304 " + field("#a#x") + " 01020304 00060700 05060708",
			Header{BigEndian, 0x01020304, MakeName("#a#x"), 0x01020304, Hint{0, 6, 7, 0}, 0x05060708},
		},
		{
			// §5.3, §6: a hint has its own marker.
			"two orders, as a daemon passes them on",
			"90000080 " + field("#jay#alpha") + " 02000000 00123400 09000000",
			Header{LittleEndian, Agreed, MakeName("#jay#alpha"), 2, Hint{0, 0x12, 0x34, 0}, 9},
		},
		{
			"two orders, the other way round",
			"00000010 " + field("#jay#alpha") + " 00000002 80341280 00000009",
			Header{BigEndian, Agreed, MakeName("#jay#alpha"), 2, Hint{0x80, 0x34, 0x12, 0x80}, 9},
		},
		{
			// §6: half a marker reads as the other order.
			"first half of a marker",
			"a0000000 " + field("#bad#alpha") + " 01000000 80000080 00000000",
			Header{BigEndian, 0xa0000000, MakeName("#bad#alpha"), 1 << 24, MakeHint(0), 0},
		},
		{
			"second half of a marker",
			"20000080 " + field("#bad#alpha") + " 01000000 80000080 00000000",
			Header{BigEndian, 0x20000080, MakeName("#bad#alpha"), 1 << 24, MakeHint(0), 0},
		},
		{
			// §5.4: the bytes are kept, because the daemon passes them on.
			"bytes behind the sender",
			"84000080 '#a#x' 00 'JUNK' 00*22 'Z' 01000000 80000080 01000000",
			Header{LittleEndian, FIFO, tailed, 1, MakeHint(0), 1},
		},
		{
			// §8, `bad-groups-negative` and `bad-data-negative`.
			"negative counts",
			"a0000080 " + field("") + " ffffffff 80000080 00000080",
			Header{LittleEndian, Safe, Name{}, -1, MakeHint(0), math.MinInt32},
		},
		{
			"negative counts, big-endian",
			"00000020 " + field("") + " fffffffe 00000000 80000001",
			Header{BigEndian, Safe, Name{}, -2, Hint{}, math.MinInt32 + 1},
		},
		{
			"ones",
			"ff*48",
			Header{LittleEndian, 0x7fffff7f, Name(bytes.Repeat([]byte{0xff}, NameLen)), -1, Hint{0xff, 0xff, 0xff, 0xff}, -1},
		},
		{"zeros", "00*48", Header{ByteOrder: BigEndian}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := parse(t, tt.bytes)
			got := Header{9, 9, tailed, 9, Hint{9}, 9}
			if err := got.Decode(append(b, "next"...)); err != nil || got != tt.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, tt.want)
			}
			wantBytes(t, tt.want.Append([]byte("before")), append([]byte("before"), b...))
		})
	}
}

func TestHeaderErrors(t *testing.T) {
	for n := range HeaderLen {
		h := Header{9, 9, tailed, 9, Hint{9}, 9}
		wantDecodeError(t, h.Decode(make([]byte, n)), DecodeError{"message header", n, ErrShort})
		if h != (Header{}) {
			t.Errorf("%d bytes: left %+v", n, h)
		}
	}
}

func TestHeaderSize(t *testing.T) {
	tests := []struct {
		name      string
		t         Type
		groups    int32
		data      int32
		want      int
		wantError DecodeError
	}{
		{name: "nothing", t: Agreed, want: 48},
		{name: "groups", t: Agreed, groups: 3, want: 48 + 3*32},
		{name: "payload", t: Agreed, data: 7, want: 55},
		// client-protocol §9.3: data_len does not count the old type.
		{name: "reject", t: Reject, groups: 2, data: 7, want: 48 + 4 + 2*32 + 7},
		{name: "reject with flags", t: Reject | SelfDiscard, want: 52},
		// §5.5: what the C daemon carries, `max-payload`.
		{name: "longest multicast", t: Safe, groups: 1, data: 143119, want: 143199},
		{name: "longest by our bounds", t: Reject, groups: MaxMembers, data: MaxDeliveredData, want: 48 + 4 + 32*MaxMembers + MaxDeliveredData},
		{name: "groups over the bound", t: Agreed, groups: MaxMembers + 1, wantError: DecodeError{"number of groups", 36, ErrLength}},
		{name: "largest groups", t: Agreed, groups: math.MaxInt32, wantError: DecodeError{"number of groups", 36, ErrLength}},
		{name: "negative groups", t: Agreed, groups: -1, wantError: DecodeError{"number of groups", 36, ErrLength}},
		{name: "lowest groups", t: Agreed, groups: math.MinInt32, wantError: DecodeError{"number of groups", 36, ErrLength}},
		{name: "data over the bound", t: Agreed, data: MaxDeliveredData + 1, wantError: DecodeError{"data length", 44, ErrLength}},
		{name: "largest data", t: Agreed, data: math.MaxInt32, wantError: DecodeError{"data length", 44, ErrLength}},
		{name: "negative data", t: Agreed, data: -1, wantError: DecodeError{"data length", 44, ErrLength}},
		{name: "both wrong", t: Agreed, groups: -1, data: -1, wantError: DecodeError{"number of groups", 36, ErrLength}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := Header{Type: tt.t, NumGroups: tt.groups, DataLen: tt.data}
			got, err := h.Size()
			if got != tt.want {
				t.Errorf("size %d, want %d", got, tt.want)
			}
			if tt.wantError.Err != nil {
				wantDecodeError(t, err, tt.wantError)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// client-protocol §6 rule 2: type, num_groups and data_len are swapped and get the daemon's marker;
// the hint and everything else stay.
func TestNormalize(t *testing.T) {
	rest := field("grp") + " 0123456789"
	want := parse(t, "90010080 '#a#x' 00 'JUNK' 00*22 'Z' 01000000 00123400 05000000"+rest)
	big := parse(t, "00000110 '#a#x' 00 'JUNK' 00*22 'Z' 00000001 00123400 00000005"+rest)
	for _, b := range [][]byte{big, bytes.Clone(want)} {
		var h Header
		if err := h.Decode(b); err != nil {
			t.Fatal(err)
		}
		h.Normalize(b)
		wantBytes(t, b, want)
		var again Header
		if err := again.Decode(b); err != nil || again != h {
			t.Errorf("the header is %+v, the bytes say %+v (%v)", h, again, err)
		}
	}
	// A little-endian header is not written to, not even with the same bytes.
	h := Header{ByteOrder: LittleEndian}
	h.Normalize(nil)
}

// client-protocol §5.3
func TestHint(t *testing.T) {
	tests := []struct {
		messType int16
		le, be   string
	}{
		{0, "80000080", "00000000"},
		{1, "80010080", "00000100"},
		{0x1234, "80341280", "00123400"},
		{-1, "80ffff80", "00ffff00"},
		{127, "807f0080", "00007f00"},
		{128, "80800080", "00008000"},
		{256, "80000180", "00010000"},
		{math.MaxInt16, "80ff7f80", "007fff00"},
		{math.MinInt16, "80008080", "00800000"},
	}
	for _, tt := range tests {
		le, be := Hint(parse(t, tt.le)), Hint(parse(t, tt.be))
		if got := MakeHint(tt.messType); got != le {
			t.Errorf("%d: hint %x, want %x", tt.messType, got, le)
		}
		if le.MessType() != tt.messType || le.ByteOrder() != LittleEndian || !le.Legal() {
			t.Errorf("%x: type %d, order %v, legal %t; want %d, le", le, le.MessType(), le.ByteOrder(), le.Legal(), tt.messType)
		}
		if be.MessType() != tt.messType || be.ByteOrder() != BigEndian || !be.Legal() {
			t.Errorf("%x: type %d, order %v, legal %t; want %d, be", be, be.MessType(), be.ByteOrder(), be.Legal(), tt.messType)
		}
	}
}

// client-protocol §5.3: "Any hint bit outside 0x80FFFF80 makes the daemon drop the session." The
// mask reads the same in both orders.
func TestHintLegal(t *testing.T) {
	const mask = 0x80ffff80
	for bit := range 32 {
		word := uint32(1) << bit
		for _, o := range []ByteOrder{LittleEndian, BigEndian} {
			var h Hint
			o.PutUint32(h[:], word)
			if got, want := h.Legal(), word&^mask == 0; got != want {
				t.Errorf("%v %#08x: legal %t, want %t", o, word, got, want)
			}
		}
	}
}

// client-protocol §6
func TestOrder(t *testing.T) {
	for first := range 256 {
		for _, last := range []int{0x00, 0x7f, 0x80, 0xff} {
			word := []byte{byte(first), 0xff, 0xff, byte(last), 0xff}
			want := BigEndian
			if first >= 0x80 && last >= 0x80 {
				want = LittleEndian
			}
			if got := ByteOrderOf(word); got != want {
				t.Errorf("%x: %v, want %v", word[:4], got, want)
			}
		}
	}
	tests := []struct {
		o     ByteOrder
		bytes string
		u     uint32
		i     int32
		name  string
	}{
		{LittleEndian, "04030201", 0x01020304, 0x01020304, "le"},
		{LittleEndian, "feffffff", 0xfffffffe, -2, "le"},
		{BigEndian, "01020304", 0x01020304, 0x01020304, "be"},
		{BigEndian, "fffffffe", 0xfffffffe, -2, "be"},
	}
	for _, tt := range tests {
		b := parse(t, tt.bytes+"99")
		if tt.o.Uint32(b) != tt.u || tt.o.Int32(b) != tt.i || tt.o.String() != tt.name {
			t.Errorf("%v %x: got %#x, %d", tt.o, b, tt.o.Uint32(b), tt.o.Int32(b))
		}
		wantBytes(t, tt.o.AppendUint32([]byte{7}, tt.u), append([]byte{7}, b[:4]...))
		put := []byte{1, 1, 1, 1, 0x99}
		tt.o.PutUint32(put, tt.u)
		wantBytes(t, put, b)
	}
}

// The limits of client-protocol §1 and §5.5, and how ours follow from them.
func TestLimits(t *testing.T) {
	tests := []struct {
		name      string
		got, want int
	}{
		{"default port", DefaultPort, 4803},
		{"group name field", NameLen, 32},
		{"group name", MaxGroupName, 31},
		{"private name", MaxPrivateName, 10},
		{"daemon name", MaxDaemonName, 19},
		{"private group name", 1 + MaxPrivateName + 1 + MaxDaemonName, MaxGroupName},
		{"header", HeaderLen, 48},
		{"groups per message", MaxGroups, 100},
		{"data_len", MaxDataField, 144000},
		{"body that is safe with the C daemon", MaxBody, 100*1432 - HeaderLen - 1},
		{"message", MaxMessage, 143199},
		{"method name field", MethodNameLen, 30},
		{"method choice", MethodChoiceLen, 90},
		{"method list", MaxMethodList, 90},
		{"password request", PasswordRequestLen, 40},
		{"header fields", offDataLen + 4, HeaderLen},
		{"membership fields", offOwnSet + 4, offSets},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, tt.got, tt.want)
		}
	}
	// A message of our largest bounds has a length that fits an int of 32 bits.
	if n := HeaderLen + OldTypeLen + NameLen*MaxMembers + MaxDeliveredData; n > math.MaxInt32 {
		t.Errorf("longest message of %d bytes", n)
	}
	// 128 daemons of 3121 local members each (client-protocol §1).
	if n := 128 * 3121; n > MaxMembers {
		t.Errorf("a network holds %d members", n)
	}
}
