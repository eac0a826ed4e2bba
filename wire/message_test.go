package wire

import (
	"bytes"
	"reflect"
	"testing"
)

func TestMessage(t *testing.T) {
	tests := []struct {
		name    string
		bytes   string
		want    Header
		old     Type
		groups  []string
		payload string
	}{
		{
			// client-protocol §7, the row of multicasts.
			name: "multicast",
			bytes: "a0000080 " + field("#alice#alpha") + " 02000000 80341280 05000000" +
				field("one") + field("#bob#alpha") + " 'hello'",
			want:    Header{LittleEndian, Safe, MakeName("#alice#alpha"), 2, MakeHint(0x1234), 5},
			groups:  []string{"one", "#bob#alpha"},
			payload: "hello",
		},
		{
			name: "multicast, big-endian",
			bytes: "00000060 " + field("#alice#alpha") + " 00000002 00123400 00000005" +
				field("one") + field("#bob#alpha") + " 'hello'",
			want:    Header{BigEndian, Safe | SelfDiscard, MakeName("#alice#alpha"), 2, Hint{0, 0x12, 0x34, 0}, 5},
			groups:  []string{"one", "#bob#alpha"},
			payload: "hello",
		},
		{
			// §7.4, `ok-groups-zero`
			name:    "no groups",
			bytes:   "a0000080 " + field("#a#x") + " 00000000 80000080 01000000 'x'",
			want:    Header{LittleEndian, Safe, MakeName("#a#x"), 0, MakeHint(0), 1},
			payload: "x",
		},
		{
			name:  "empty",
			bytes: "81000080 " + field("#a#x") + " 00000000 80000080 00000000",
			want:  Header{LittleEndian, Unreliable, MakeName("#a#x"), 0, MakeHint(0), 0},
		},
		{
			// §7, the rows of join, leave and disconnect.
			name:   "join",
			bytes:  "80000180 " + field("#a#x") + " 01000000 80000080 00000000" + field("grp"),
			want:   Header{LittleEndian, Join, MakeName("#a#x"), 1, MakeHint(0), 0},
			groups: []string{"grp"},
		},
		{
			name:   "leave",
			bytes:  "80000280 " + field("#a#x") + " 01000000 80000080 00000000" + field("grp"),
			want:   Header{LittleEndian, Leave, MakeName("#a#x"), 1, MakeHint(0), 0},
			groups: []string{"grp"},
		},
		{
			name:   "disconnect, big-endian",
			bytes:  "00040000 " + field("#a#x") + " 00000001 00000000 00000000" + field("#a#x"),
			want:   Header{BigEndian, Kill, MakeName("#a#x"), 1, Hint{}, 0},
			groups: []string{"#a#x"},
		},
		{
			// §9.3: the reject of a join, whose list also has the requester.
			name: "reject",
			bytes: "80004080 " + field("#a#x") + " 02000000 80000080 00000000 80010080" +
				field("grp") + field("#a#x"),
			want:   Header{LittleEndian, Reject, MakeName("#a#x"), 2, MakeHint(0), 0},
			old:    CausedByJoin,
			groups: []string{"grp", "#a#x"},
		},
		{
			name: "reject, big-endian",
			bytes: "00400040 " + field("#a#x") + " 00000001 00010000 00000002 00000050" +
				field("#a#x") + " 'hi'",
			want:    Header{BigEndian, Reject | SelfDiscard, MakeName("#a#x"), 1, Hint{0, 1, 0, 0}, 2},
			old:     Agreed | SelfDiscard,
			groups:  []string{"#a#x"},
			payload: "hi",
		},
		{
			// No daemon should send this, but nothing may get lost.
			name:  "reject without the old type's marker",
			bytes: "80004080 " + field("#a#x") + " 00000000 80000080 00000000 00010000",
			want:  Header{LittleEndian, Reject, MakeName("#a#x"), 0, MakeHint(0), 0},
			old:   CausedByJoin | 0x80000080,
		},
		{
			// §10: header and groups of a membership message.
			name: "membership",
			bytes: "80110080 " + field("grp") + " 01000000 80000080 38000000" + field("#a#x") +
				"01000000 02000000 03000000 01000000 00000000 01000000" + field("#a#x"),
			want:   Header{LittleEndian, RegularMembership | CausedByJoin, MakeName("grp"), 1, MakeHint(0), 56},
			groups: []string{"#a#x"},
			payload: "\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00#a#x" +
				"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := parse(t, tt.bytes)
			got := Message{OldType: 9, GroupFields: []byte{9}, Payload: []byte{9}}
			n, err := got.Decode(append(b, "next"...))
			if err != nil || n != len(b) {
				t.Fatalf("decoded %d bytes, %v; want %d", n, err, len(b))
			}
			if got.Header != tt.want || got.OldType != tt.old || string(got.Payload) != tt.payload {
				t.Errorf("got %+v\nwant %+v, old type %v, payload %q", got, tt.want, tt.old, tt.payload)
			}
			var groups []string
			for i, name := range got.Groups() {
				if i != len(groups) {
					t.Errorf("group %d has number %d", len(groups), i)
				}
				groups = append(groups, name.String())
			}
			if !reflect.DeepEqual(groups, tt.groups) {
				t.Errorf("groups %q, want %q", groups, tt.groups)
			}
			wantBytes(t, got.Append([]byte("before")), append([]byte("before"), b...))

			// The counts follow from the slices, whatever the header has.
			got.NumGroups, got.DataLen = -1, 1<<30
			wantBytes(t, got.Append(nil), b)
		})
	}
}

// An append to the groups of a decoded message must not run into its payload.
func TestMessageGroupFieldsCap(t *testing.T) {
	b := parse(t, "a0000080 "+field("#a#x")+" 01000000 80000080 05000000"+field("one")+" 'hello'")
	var m Message
	if _, err := m.Decode(b); err != nil {
		t.Fatal(err)
	}
	m.GroupFields = append(m.GroupFields, bytes.Repeat([]byte{'x'}, NameLen)...)
	if string(m.Payload) != "hello" {
		t.Errorf("payload is now %q", m.Payload)
	}
}

func TestMessageGroupsBreak(t *testing.T) {
	m := Message{GroupFields: make([]byte, 3*NameLen)}
	n := 0
	for range m.Groups() {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d groups before the break", n)
	}
}

func TestMessageErrors(t *testing.T) {
	const head = "a0000080 00*32 "
	tests := []struct {
		name  string
		bytes string
		want  DecodeError
	}{
		{"nothing", "", DecodeError{"message header", 0, ErrShort}},
		// client-protocol §7.3, `close-mid-message`
		{"half a header", "a0000080 '#bad#alpha' 00*6", DecodeError{"message header", 20, ErrShort}},
		{"header without its last byte", head + "00000000 80000080 000000", DecodeError{"message header", 47, ErrShort}},
		{"header without body", head + "01000000 80000080 00000000", DecodeError{"message body", 48, ErrShort}},
		{"groups without their last byte", head + "01000000 80000080 00000000 00*31", DecodeError{"message body", 79, ErrShort}},
		{"payload without its last byte", head + "01000000 80000080 02000000 00*32 78", DecodeError{"message body", 81, ErrShort}},
		{"reject without old type", "80004080 00*32 01000000 80000080 02000000 00*32 7878", DecodeError{"message body", 82, ErrShort}},
		{"negative groups", head + "ffffffff 80000080 00000000 00*32", DecodeError{"number of groups", 36, ErrLength}},
		{"negative data", head + "00000000 80000080 ffffffff 00*32", DecodeError{"data length", 44, ErrLength}},
		{"too many groups", head + "01000800 80000080 00000000", DecodeError{"number of groups", 36, ErrLength}},
		{"too much data", head + "00000000 80000080 ffffff7f", DecodeError{"data length", 44, ErrLength}},
		{"negative groups, big-endian", "00000020 00*32 80000000 00000000 00000000", DecodeError{"number of groups", 36, ErrLength}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := Message{OldType: 9, GroupFields: []byte{9}, Payload: []byte{9}}
			n, err := m.Decode(parse(t, tt.bytes))
			wantDecodeError(t, err, tt.want)
			if n != 0 || m.OldType != 0 || m.GroupFields != nil || m.Payload != nil {
				t.Errorf("left %d, %+v", n, m)
			}
		})
	}
}

// The longest message of all (client-protocol §5.5) decodes and encodes; so do 100 groups.
func TestMessageLimits(t *testing.T) {
	for _, groups := range []int{0, 1, 43, 44, MaxGroups} {
		want := Message{
			Header: Header{
				Type: Safe, Sender: self, Hint: MakeHint(-1),
				NumGroups: int32(groups), DataLen: int32(MaxBody - NameLen*groups),
			},
			GroupFields: bytes.Repeat([]byte("g\x00"), groups*NameLen/2),
			Payload:     bytes.Repeat([]byte{'x'}, MaxBody-NameLen*groups),
		}
		b := want.Append(nil)
		if len(b) != MaxMessage {
			t.Errorf("%d groups: %d bytes, want %d", groups, len(b), MaxMessage)
		}
		var got Message
		n, err := got.Decode(b)
		if err != nil || n != len(b) || !reflect.DeepEqual(got, want) {
			t.Errorf("%d groups: %d, %v, %+v", groups, n, err, got.Header)
		}
		if why := got.CheckRequest(&self); why != NotRefused {
			t.Errorf("%d groups: refused for %v", groups, why)
		}
	}
}

// The parts of messages that the daemon reads in place. The replay of the vectors checks that they
// agree with Decode for every message.
func TestMessageInPlace(t *testing.T) {
	tests := []struct {
		name   string
		bytes  string
		t      Type
		size   int
		groups int
	}{
		{"multicast", "a0000080 " + field("#a#x") + " 02000000 80000080 05000000" + field("one") + field("two") + " 'hello'", Safe, 117, 2},
		{"no groups", "a0000080 " + field("#a#x") + " 00000000 80000080 00000000", Safe, 48, 0},
		{"disconnect", "80000480 " + field("#a#x") + " 01000000 80000080 00000000" + field("#a#x"), Kill, 80, 1},
	}
	for _, tt := range tests {
		b := parse(t, tt.bytes)
		more := append(bytes.Clone(b), "next"...)
		if got := TypeOf(more); got != tt.t {
			t.Errorf("%s: type %v, want %v", tt.name, got, tt.t)
		}
		if got := SizeOf(more); got != tt.size || got != len(b) {
			t.Errorf("%s: size %d, want %d", tt.name, got, tt.size)
		}
		if got := *SenderOf(more); got != MakeName("#a#x") {
			t.Errorf("%s: sender %q", tt.name, got)
		}
		if got := GroupsOf(more); !bytes.Equal(got, b[HeaderLen:HeaderLen+NameLen*tt.groups]) {
			t.Errorf("%s: groups %q", tt.name, got)
		}
	}
	reject := parse(t, "80004080 "+field("#a#x")+" 01000000 80000080 02000000 90000080"+field("#a#x")+" 'hi'")
	if got := SizeOf(reject); got != len(reject) {
		t.Errorf("reject: size %d, want %d", got, len(reject))
	}
}
