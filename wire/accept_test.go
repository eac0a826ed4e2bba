package wire

import (
	"reflect"
	"testing"
)

func TestAccept(t *testing.T) {
	tests := []struct {
		name     string
		bytes    string
		hasPatch bool
		code     Code
		want     Accept
	}{
		{
			// client-protocol §3.3, its example.
			"with patch",
			"01 05 00 01 0c '#alice#alpha'", true, AcceptSession,
			Accept{Version{5, 0, 1}, []byte("#alice#alpha")},
		},
		{
			// §15: to clients below 3.15 without patch byte.
			"without patch",
			"01 05 00 0c '#alice#alpha'", false, AcceptSession,
			Accept{Version{5, 0, 0}, []byte("#alice#alpha")},
		},
		{
			// §3.3: P ≥ 32 is an error.
			"longest group",
			"01 05 00 01 1f 67*31", true, AcceptSession,
			Accept{Version{5, 0, 1}, []byte("ggggggggggggggggggggggggggggggg")},
		},
		{"no group", "01 ff fe fd 00", true, AcceptSession, Accept{Version{255, 254, 253}, []byte{}}},
		// §14.2
		{"refused authentication", "f7", true, RejectAuth, Accept{}},
		{"refused version", "f9", false, RejectVersion, Accept{}},
		{"lowest code", "80", true, -128, Accept{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := parse(t, tt.bytes)
			got := Accept{Version{9, 9, 9}, []byte("left over")}
			code, n, err := got.Decode(append(b, "next"...), tt.hasPatch)
			if err != nil || code != tt.code || n != len(b) || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, %v, %d, %v; want %+v, %v, %d", got, code, n, err, tt.want, tt.code, len(b))
			}
			if tt.code == AcceptSession {
				wantBytes(t, tt.want.Append([]byte("before"), tt.hasPatch), append([]byte("before"), b...))
			}
		})
	}
}

func TestAcceptErrors(t *testing.T) {
	tests := []struct {
		bytes    string
		hasPatch bool
		want     DecodeError
	}{
		{"", true, DecodeError{"accept message", 0, ErrShort}},
		{"01", true, DecodeError{"accept message", 1, ErrShort}},
		{"01 05 00 01", true, DecodeError{"accept message", 4, ErrShort}},
		{"01 05 00", false, DecodeError{"accept message", 3, ErrShort}},
		{"01 05 00 01 05 '#a#b'", true, DecodeError{"private group", 9, ErrShort}},
		{"01 05 00 05 '#a#b'", false, DecodeError{"private group", 8, ErrShort}},
		// client-protocol §3.3: 1 or negative.
		{"00", true, DecodeError{"accept code", 0, ErrForm}},
		{"02 05 00 01 00", true, DecodeError{"accept code", 0, ErrForm}},
		{"7f", false, DecodeError{"accept code", 0, ErrForm}},
		{"01 05 00 01 20 67*32", true, DecodeError{"private group length", 4, ErrLength}},
		{"01 05 00 ff", false, DecodeError{"private group length", 3, ErrLength}},
	}
	for _, tt := range tests {
		t.Run(tt.bytes, func(t *testing.T) {
			a := Accept{Group: []byte("left over")}
			code, n, err := a.Decode(parse(t, tt.bytes), tt.hasPatch)
			wantDecodeError(t, err, tt.want)
			if code != 0 || n != 0 || a.Group != nil {
				t.Errorf("code %v, n %d, group %q; want nothing", code, n, a.Group)
			}
		})
	}
}

// client-protocol §14: the numbers are libspread's, and the byte is what travels on the wire.
func TestCode(t *testing.T) {
	tests := []struct {
		code Code
		num  int
		b    byte
		name string
	}{
		{AcceptSession, 1, 0x01, "ACCEPT_SESSION"},
		{IllegalSpread, -1, 0xff, "ILLEGAL_SPREAD"},
		{CouldNotConnect, -2, 0xfe, "COULD_NOT_CONNECT"},
		{RejectQuota, -3, 0xfd, "REJECT_QUOTA"},
		{RejectNoName, -4, 0xfc, "REJECT_NO_NAME"},
		{RejectIllegalName, -5, 0xfb, "REJECT_ILLEGAL_NAME"},
		{RejectNotUnique, -6, 0xfa, "REJECT_NOT_UNIQUE"},
		{RejectVersion, -7, 0xf9, "REJECT_VERSION"},
		{ConnectionClosed, -8, 0xf8, "CONNECTION_CLOSED"},
		{RejectAuth, -9, 0xf7, "REJECT_AUTH"},
		{-10, -10, 0xf6, "Code(-10)"},
		{IllegalSession, -11, 0xf5, "ILLEGAL_SESSION"},
		{IllegalService, -12, 0xf4, "ILLEGAL_SERVICE"},
		{IllegalMessage, -13, 0xf3, "ILLEGAL_MESSAGE"},
		{IllegalGroup, -14, 0xf2, "ILLEGAL_GROUP"},
		{BufferTooShort, -15, 0xf1, "BUFFER_TOO_SHORT"},
		{GroupsTooShort, -16, 0xf0, "GROUPS_TOO_SHORT"},
		{MessageTooLong, -17, 0xef, "MESSAGE_TOO_LONG"},
		{NetErrorOnSession, -18, 0xee, "NET_ERROR_ON_SESSION"},
		{Bug, -19, 0xed, "SP_BUG"},
		{IllegalTime, -20, 0xec, "ILLEGAL_TIME"},
		{0, 0, 0, "Code(0)"},
		{127, 127, 127, "Code(127)"},
	}
	for _, tt := range tests {
		if int(tt.code) != tt.num || byte(tt.code) != tt.b || tt.code.String() != tt.name {
			t.Errorf("%v is %d, byte %#02x; want %s, %d, %#02x", tt.code, tt.code, byte(tt.code), tt.name, tt.num, tt.b)
		}
	}
}
