package wire

import (
	"reflect"
	"testing"
)

func TestConnectRequest(t *testing.T) {
	tests := []struct {
		name  string
		bytes string
		want  ConnectRequest
	}{
		{
			// client-protocol §3.1, its example.
			"5.0.1 with membership",
			"05 00 01 01 05 'alice'",
			ConnectRequest{Version{5, 0, 1}, FlagMembership, []byte("alice")},
		},
		{
			// §3.1: the Java client's version, and the priority bit.
			"4.4.0 with priority",
			"04 04 00 11 03 'jay'",
			ConnectRequest{Version{4, 4, 0}, FlagMembership | FlagPriority, []byte("jay")},
		},
		{
			// §3.1: no name; the daemon makes one up.
			"no name",
			"05 00 01 00 00",
			ConnectRequest{Version{5, 0, 1}, 0, []byte{}},
		},
		{
			"longest name",
			"05 00 01 01 0a 'abcdefghij'",
			ConnectRequest{Version{5, 0, 1}, FlagMembership, []byte("abcdefghij")},
		},
		{
			// §3.1, §15: up to 3.14 there is no patch byte.
			"3.14",
			"03 0e 01 05 'alice'",
			ConnectRequest{Version{3, 14, 0}, FlagMembership, []byte("alice")},
		},
		{
			"3.14 without name",
			"03 0e 00 00",
			ConnectRequest{Version{3, 14, 0}, 0, []byte{}},
		},
		{
			"3.15.2",
			"03 0f 02 01 05 'alice'",
			ConnectRequest{Version{3, 15, 2}, FlagMembership, []byte("alice")},
		},
		{
			// §3.4: refusing a version, a flag or a name is not up to the decoder.
			"to be refused",
			"ff ff ff ff 01 '#'",
			ConnectRequest{Version{255, 255, 255}, 0xff, []byte("#")},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := parse(t, tt.bytes)
			got := ConnectRequest{Version{9, 9, 9}, 9, []byte("left over")}
			n, err := got.Decode(append(b, "next"...))
			if err != nil || n != len(b) || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, %d, %v; want %+v, %d", got, n, err, tt.want, len(b))
			}
			if n := ConnectRequestSize(b); n != len(b) {
				t.Errorf("size %d, want %d", n, len(b))
			}
			wantBytes(t, tt.want.Append([]byte("before")), append([]byte("before"), b...))
		})
	}
}

func TestConnectRequestErrors(t *testing.T) {
	tests := []struct {
		bytes string
		want  DecodeError
	}{
		{"", DecodeError{"connect request", 0, ErrShort}},
		{"05", DecodeError{"connect request", 1, ErrShort}},
		{"05 00", DecodeError{"connect request", 2, ErrShort}},
		{"05 00 01 01", DecodeError{"connect request", 4, ErrShort}},
		{"03 0e 01", DecodeError{"connect request", 3, ErrShort}},
		// client-protocol §3.4 rule 4, and `reject-name-short`.
		{"05 00 01 01 05 'ali'", DecodeError{"connect request", 8, ErrShort}},
		{"05 00 01 01 0b 'abcdefghijk'", DecodeError{"private name length", 4, ErrLength}},
		{"05 00 01 01 0b", DecodeError{"private name length", 4, ErrLength}},
		{"05 00 01 01 ff", DecodeError{"private name length", 4, ErrLength}},
		{"03 0e 01 80", DecodeError{"private name length", 3, ErrLength}},
	}
	for _, tt := range tests {
		t.Run(tt.bytes, func(t *testing.T) {
			r := ConnectRequest{Name: []byte("left over")}
			n, err := r.Decode(parse(t, tt.bytes))
			wantDecodeError(t, err, tt.want)
			if n != 0 || r.Name != nil {
				t.Errorf("n %d, name %q; want nothing", n, r.Name)
			}
		})
	}
}

// A library cuts a name that is too long (client-protocol §3.1, `connect-long-name-truncated`).
func TestConnectRequestCutsName(t *testing.T) {
	r := ConnectRequest{Version: OurVersion, Name: []byte("abcdefghijkl")}
	wantBytes(t, r.Append(nil), parse(t, "05 00 01 00 0a 'abcdefghij'"))
}

func TestConnectRequestSize(t *testing.T) {
	tests := []struct {
		bytes string
		want  int
	}{
		{"", 2},
		{"05", 2},
		{"03 0e", 4},
		{"03 0e 01", 4},
		{"03 0e 01 00", 4},
		{"03 0e 01 03", 7},
		{"03 0f", 5},
		{"05 00", 5},
		{"05 00 01 01", 5},
		{"05 00 01 01 00", 5},
		{"05 00 01 01 0a", 15},
		{"05 00 01 01 0a 'a'", 15},
		{"05 00 01 01 02 'ab' 'more'", 7},
		// The request is refused for the length, so its name is not waited for.
		{"05 00 01 01 0b", 5},
		{"05 00 01 01 ff", 5},
	}
	for _, tt := range tests {
		if got := ConnectRequestSize(parse(t, tt.bytes)); got != tt.want {
			t.Errorf("%s: size %d, want %d", tt.bytes, got, tt.want)
		}
	}
}

// client-protocol §15: what a client of each version sends and gets.
func TestVersion(t *testing.T) {
	tests := []struct {
		v                      Version
		hasPatch, negotiates   bool
		atLeast310, atLeast501 bool
	}{
		{v: Version{0, 0, 0}},
		{v: Version{2, 9, 9}},
		{v: Version{2, 255, 255}},
		{v: Version{3, 0, 255}},
		{v: Version{3, 1, 0}, atLeast310: true},
		{v: Version{3, 14, 255}, atLeast310: true},
		{v: Version{3, 15, 0}, hasPatch: true, atLeast310: true},
		{v: Version{3, 15, 255}, hasPatch: true, atLeast310: true},
		{v: Version{3, 16, 0}, hasPatch: true, negotiates: true, atLeast310: true},
		{v: Version{4, 0, 0}, hasPatch: true, negotiates: true, atLeast310: true},
		{v: Version{5, 0, 0}, hasPatch: true, negotiates: true, atLeast310: true},
		{v: Version{5, 0, 1}, hasPatch: true, negotiates: true, atLeast310: true, atLeast501: true},
		{v: Version{5, 1, 0}, hasPatch: true, negotiates: true, atLeast310: true, atLeast501: true},
		{v: Version{6, 0, 0}, hasPatch: true, negotiates: true, atLeast310: true, atLeast501: true},
		{v: OurVersion, hasPatch: true, negotiates: true, atLeast310: true, atLeast501: true},
	}
	for _, tt := range tests {
		if got := tt.v.HasPatch(); got != tt.hasPatch {
			t.Errorf("%v has a patch byte: %t", tt.v, got)
		}
		if got := tt.v.Negotiates(); got != tt.negotiates {
			t.Errorf("%v negotiates: %t", tt.v, got)
		}
		if got := tt.v.AtLeast(3, 1, 0); got != tt.atLeast310 {
			t.Errorf("%v is at least 3.1.0: %t", tt.v, got)
		}
		if got := tt.v.AtLeast(5, 0, 1); got != tt.atLeast501 {
			t.Errorf("%v is at least 5.0.1: %t", tt.v, got)
		}
	}
}
