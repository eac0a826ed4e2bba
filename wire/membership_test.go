package wire

import (
	"math"
	"reflect"
	"testing"
)

// vsSet is a virtual synchrony set, for comparison.
type vsSet struct {
	own   bool
	names []string
}

func sets(m *Membership) (all []vsSet) {
	for i, s := range m.All() {
		if i != len(all) {
			return nil
		}
		v := vsSet{own: s.Own}
		for j, n := range s.Names() {
			if j != len(v.names) {
				return nil
			}
			v.names = append(v.names, n.String())
		}
		if s.Len() != len(v.names) {
			return nil
		}
		all = append(all, v)
	}
	return all
}

func TestMembership(t *testing.T) {
	const (
		regular = RegularMembership | CausedByNetwork
		le, be  = LittleEndian, BigEndian
	)
	tests := []struct {
		name    string
		t       Type
		o       ByteOrder
		bytes   string
		id      GroupID
		own     int
		sets    []vsSet
		changed string
	}{
		{
			// client-protocol §10.1: for join, leave and disconnect V = 1, offset 0, one member: 56
			// bytes.
			"join", RegularMembership | CausedByJoin, le,
			"31d70aaf 071d016b 02000000 01000000 00000000 01000000" + field("#bad#alpha"),
			GroupID{2936723249, 0x6b011d07, 2},
			0,
			[]vsSet{{true, []string{"#bad#alpha"}}},
			"#bad#alpha",
		},
		{
			"join, big-endian", RegularMembership | CausedByJoin, be,
			"af0ad731 6b011d07 00000002 00000001 00000000 00000001" + field("#bad#alpha"),
			GroupID{2936723249, 0x6b011d07, 2},
			0,
			[]vsSet{{true, []string{"#bad#alpha"}}},
			"#bad#alpha",
		},
		{
			// §10.1, §10.4: "Offset of a set = sum over earlier sets of 4 + 32 × members."
			"network, own set last", regular, le,
			"01000000 02000000 03000000 02000000 44000000" +
				"02000000" + field("#a#x") + field("#b#x") + "01000000" + field("#c#y"),
			GroupID{1, 2, 3},
			68,
			[]vsSet{{false, []string{"#a#x", "#b#x"}}, {true, []string{"#c#y"}}},
			"",
		},
		{
			"network, own set last, big-endian", regular, be,
			"00000001 00000002 00000003 00000002 00000044" +
				"00000002" + field("#a#x") + field("#b#x") + "00000001" + field("#c#y"),
			GroupID{1, 2, 3},
			68,
			[]vsSet{{false, []string{"#a#x", "#b#x"}}, {true, []string{"#c#y"}}},
			"",
		},
		{
			"network, own set first", regular, le,
			"01000000 02000000 03000000 02000000 00000000" +
				"01000000" + field("#a#x") + "01000000" + field("#c#y"),
			GroupID{1, 2, 3},
			0,
			[]vsSet{{true, []string{"#a#x"}}, {false, []string{"#c#y"}}},
			"",
		},
		{
			"network, three sets, own in the middle", regular, le,
			"01000000 02000000 03000000 03000000 24000000" +
				"01000000" + field("#a#x") + "01000000" + field("#b#y") + "01000000" + field("#c#z"),
			GroupID{1, 2, 3},
			36,
			[]vsSet{{false, []string{"#a#x"}}, {true, []string{"#b#y"}}, {false, []string{"#c#z"}}},
			"",
		},
		{
			"empty set", regular, le,
			"01000000 02000000 03000000 01000000 00000000 00000000",
			GroupID{1, 2, 3},
			0,
			[]vsSet{{true, nil}},
			"",
		},
		{
			// §10.1: "A transitional message has only the first 12 bytes."
			"transitional", Transitional, le,
			"31d70aaf 071d016b 02000000",
			GroupID{2936723249, 0x6b011d07, 2},
			0, nil, "",
		},
		{
			"transitional, big-endian", Transitional, be,
			"af0ad731 6b011d07 ffffffff",
			GroupID{2936723249, 0x6b011d07, math.MaxUint32},
			0, nil, "",
		},
		// §10.1: "A self-leave has none."
		{"self-leave", CausedByLeave, le, "", GroupID{}, 0, nil, ""},
		{"self-leave, big-endian", CausedByLeave, be, "", GroupID{}, 0, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := parse(t, tt.bytes)
			m := Membership{9, GroupID{9, 9, 9}, 9, 9, []byte("left over")}
			if err := m.Decode(tt.t, tt.o, b); err != nil {
				t.Fatal(err)
			}
			if m.ByteOrder != tt.o || m.ID != tt.id || m.OwnSet != tt.own || m.NumSets != len(tt.sets) {
				t.Errorf("got %+v, want order %v, id %v, %d sets, own at %d", m, tt.o, tt.id, len(tt.sets), tt.own)
			}
			if got := sets(&m); !reflect.DeepEqual(got, tt.sets) {
				t.Errorf("sets %v, want %v", got, tt.sets)
			}
			changed, ok := m.Changed()
			if ok != (tt.changed != "") || ok && changed.String() != tt.changed {
				t.Errorf("changed %v, %t; want %q", changed, ok, tt.changed)
			}
			wantBytes(t, m.Append([]byte("before"), tt.t), append([]byte("before"), b...))

			// The same payload, built from its parts.
			made := Membership{ByteOrder: tt.o, ID: tt.id, NumSets: len(tt.sets), OwnSet: tt.own}
			for _, s := range tt.sets {
				var names []Name
				for _, n := range s.names {
					names = append(names, MakeName(n))
				}
				made.Sets = AppendSet(made.Sets, tt.o, names...)
			}
			wantBytes(t, made.Append(nil, tt.t), b)
		})
	}
}

func TestMembershipErrors(t *testing.T) {
	const (
		regular = RegularMembership | CausedByNetwork
		id      = "01000000 02000000 03000000 "
	)
	set := "01000000" + field("#a#x")
	tests := []struct {
		name  string
		t     Type
		o     ByteOrder
		bytes string
		want  DecodeError
	}{
		{"no id", regular, LittleEndian, "", DecodeError{"group id", 0, ErrShort}},
		{"id cut", regular, LittleEndian, "00*11", DecodeError{"group id", 11, ErrShort}},
		{"transitional without id", Transitional, LittleEndian, "00*11", DecodeError{"group id", 11, ErrShort}},
		{"transitional with more", Transitional, LittleEndian, "00*13", DecodeError{"transitional message", 12, ErrForm}},
		{"self-leave with something", CausedByLeave, LittleEndian, "00", DecodeError{"self-leave message", 0, ErrForm}},
		{"no sets", regular, LittleEndian, id, DecodeError{"virtual synchrony sets", 12, ErrShort}},
		{"number of sets cut", regular, LittleEndian, id + "01000000 000000", DecodeError{"virtual synchrony sets", 19, ErrShort}},
		{"one set announced, none there", regular, LittleEndian, id + "01000000 00000000", DecodeError{"number of virtual synchrony sets", 12, ErrLength}},
		{"none announced, none there", regular, LittleEndian, id + "00000000 00000000", DecodeError{"offset of own set", 16, ErrForm}},
		{"none announced, one there", regular, LittleEndian, id + "00000000 00000000" + set, DecodeError{"number of virtual synchrony sets", 12, ErrLength}},
		{"two announced, one there", regular, LittleEndian, id + "02000000 00000000" + set, DecodeError{"number of virtual synchrony sets", 12, ErrLength}},
		{"negative number of sets", regular, LittleEndian, id + "ffffffff 00000000" + set, DecodeError{"number of virtual synchrony sets", 12, ErrLength}},
		{"member count cut", regular, LittleEndian, id + "02000000 00000000" + set + "010000", DecodeError{"member count of a set", 56, ErrShort}},
		{"member cut", regular, LittleEndian, id + "01000000 00000000 01000000 00*31", DecodeError{"member count of a set", 20, ErrLength}},
		{"more members than there are", regular, LittleEndian, id + "01000000 00000000 02000000 00*32", DecodeError{"member count of a set", 20, ErrLength}},
		{"negative member count", regular, LittleEndian, id + "01000000 00000000 ffffffff 00*32", DecodeError{"member count of a set", 20, ErrLength}},
		{"largest member count", regular, LittleEndian, id + "01000000 00000000 ffffff7f 00*32", DecodeError{"member count of a set", 20, ErrLength}},
		{"the other order", regular, BigEndian, id + "01000000 00000000" + set, DecodeError{"member count of a set", 20, ErrLength}},
		{"bytes behind the sets", regular, LittleEndian, id + "01000000 00000000" + set + "00", DecodeError{"member count of a set", 56, ErrShort}},
		{"own set in a member", regular, LittleEndian, id + "01000000 04000000" + set, DecodeError{"offset of own set", 16, ErrForm}},
		{"own set behind the sets", regular, LittleEndian, id + "01000000 24000000" + set, DecodeError{"offset of own set", 16, ErrForm}},
		{"own set before the sets", regular, LittleEndian, id + "01000000 fcffffff" + set, DecodeError{"offset of own set", 16, ErrForm}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := Membership{9, GroupID{9, 9, 9}, 9, 9, []byte("left over")}
			wantDecodeError(t, m.Decode(tt.t, tt.o, parse(t, tt.bytes)), tt.want)
			if m.NumSets != 0 || m.OwnSet != 0 || m.Sets != nil {
				t.Errorf("left %+v", m)
			}
			for range m.All() {
				t.Error("has a set")
			}
		})
	}
}

func TestMembershipBreak(t *testing.T) {
	m := Membership{NumSets: 2, Sets: AppendSet(AppendSet(nil, LittleEndian, self, self), LittleEndian, self)}
	for i, s := range m.All() {
		for j := range s.Names() {
			if j != 0 {
				t.Error("went on after a break")
			}
			break
		}
		if i != 0 {
			t.Error("went on after a break")
		}
		break
	}
}

// client-protocol §10.3
func TestGroupID(t *testing.T) {
	id := GroupID{0xaf0ad731, 0x6b011d07, 0x80000000}
	if got, want := id.String(), "-1358244047 1795235079 -2147483648"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	wantBytes(t, id.Append([]byte{9}, LittleEndian), parse(t, "09 31d70aaf 071d016b 00000080"))
	wantBytes(t, id.Append([]byte{9}, BigEndian), parse(t, "09 af0ad731 6b011d07 80000000"))
}
