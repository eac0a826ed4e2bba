package wire

import (
	"bytes"
	"strings"
	"testing"
)

func TestName(t *testing.T) {
	s31 := strings.Repeat("n", 31)
	tests := []struct {
		name  string
		bytes string
		want  string
	}{
		{"plain", "'grp' 00*29", "grp"},
		{"empty", "00*32", ""},
		{"longest", "6e*31 00", s31},
		// client-protocol §5.4: bytes after the end have no meaning, and byte 31 always ends the
		// name.
		{"no terminator", "6e*32", s31},
		{"terminator in the middle", "'grp' 00 'JUNK' 00*23 ff", "grp"},
		{"nothing but a tail", "00 78*31", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := Name(parse(t, tt.bytes))
			if n.String() != tt.want || string(n.Bytes()) != tt.want || n.Len() != len(tt.want) {
				t.Errorf("got %q, %q, %d; want %q", n.String(), n.Bytes(), n.Len(), tt.want)
			}
			before := n
			if got, want := n.Clean(), MakeName(tt.want); got != want {
				t.Errorf("clean %x, want %x", got, want)
			}
			if n != before {
				t.Errorf("Clean changed it to %x", n)
			}
		})
	}
}

// C libraries cut the targets of a multicast at 31 bytes (client-protocol §1.1).
func TestMakeName(t *testing.T) {
	for n := range 70 {
		s := strings.Repeat("x", n)
		got := MakeName(s)
		want := make([]byte, NameLen)
		for i := range min(n, 31) {
			want[i] = 'x'
		}
		if !bytes.Equal(got[:], want) {
			t.Errorf("%d bytes: %x, want %x", n, got, want)
		}
	}
}

// client-protocol §1.1: 0x24..0x7E, and the lengths of each kind.
func TestLegal(t *testing.T) {
	kinds := []struct {
		name  string
		limit int
		legal func(string) bool
		bytes func([]byte) bool
	}{
		{"group", 31, LegalGroup[string], LegalGroup[[]byte]},
		{"private name", 10, LegalPrivateName[string], LegalPrivateName[[]byte]},
		{"daemon name", 19, LegalDaemonName[string], LegalDaemonName[[]byte]},
	}
	for _, k := range kinds {
		check := func(s string, want bool) {
			t.Helper()
			if k.legal(s) != want || k.bytes([]byte(s)) != want {
				t.Errorf("%s %q: legal %t and %t, want %t", k.name, s, k.legal(s), k.bytes([]byte(s)), want)
			}
		}
		for n := range 40 {
			check(strings.Repeat("x", n), n >= 1 && n <= k.limit)
		}
		for c := range 256 {
			want := c >= '$' && c <= '~'
			check(string([]byte{byte(c)}), want)
			check(string([]byte{'a', 'b', byte(c)}), want)
			check(string([]byte{byte(c), 'a', 'b'}), want)
		}
		for _, s := range []string{"#", "#a#x", "a b", "a\x00", "\x7f", "é"} {
			check(s, false)
		}
		check("$~", true)
	}
}

func TestPrivateGroup(t *testing.T) {
	p10, d19 := strings.Repeat("p", 10), strings.Repeat("d", 19)
	tests := []struct {
		private, daemon, want string
		ok                    bool
	}{
		{"alice", "alpha", "#alice#alpha", true},
		{"$", "~", "#$#~", true},
		{p10, d19, "#" + p10 + "#" + d19, true},
		{"", "alpha", "", false},
		{"alice", "", "", false},
		{p10 + "p", "alpha", "", false},
		{"alice", d19 + "d", "", false},
		{"al#ice", "alpha", "", false},
		{"alice", "al#pha", "", false},
		{"al ice", "alpha", "", false},
		{"alice", "al\x7fpha", "", false},
	}
	for _, tt := range tests {
		got, err := PrivateGroup(tt.private, tt.daemon)
		if (err == nil) != tt.ok || got.String() != tt.want {
			t.Errorf("%q, %q: got %q, %v; want %q", tt.private, tt.daemon, got, err, tt.want)
			continue
		}
		if !tt.ok {
			if got != (Name{}) {
				t.Errorf("%q, %q: got %q beside %v", tt.private, tt.daemon, got, err)
			}
			continue
		}
		private, daemon, ok := got.SplitPrivate()
		if string(private) != tt.private || string(daemon) != tt.daemon || !ok {
			t.Errorf("%s splits into %q, %q, %t", got, private, daemon, ok)
		}
	}
	_, err := PrivateGroup("al ice", "alpha")
	if want := `private name "al ice": want 1 to 10 bytes from '$' to '~'`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	_, err = PrivateGroup("alice", "")
	if want := `daemon name "": want 1 to 19 bytes from '$' to '~'`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// client-protocol §1.1: '#', 1..10 bytes 0x24..0x7E, '#', 1..19 of them, NUL.
func TestSplitPrivate(t *testing.T) {
	p10, d19 := strings.Repeat("p", 10), strings.Repeat("d", 19)
	tests := []struct {
		bytes           string
		private, daemon string
	}{
		{"'#alice#alpha' 00*20", "alice", "alpha"},
		{"'#a#b' 00*28", "a", "b"},
		{"'#' 70*10 '#' 64*19 00", p10, d19},
		// Byte 31 ends the name, whatever it is.
		{"'#' 70*10 '#' 64*20", p10, d19},
		{"'#a#x' 00 '#JUNK#' 00*21", "a", "x"},
		{"00*32", "", ""},
		{"'grp' 00*29", "", ""},
		{"'#' 00*31", "", ""},
		{"'##' 00*30", "", ""},
		{"'#alice' 00*26", "", ""},
		{"'#alice#' 00*25", "", ""},
		{"'##alpha' 00*25", "", ""},
		{"'#a#b#c' 00*26", "", ""},
		{"'#a##b' 00*27", "", ""},
		{"'a#b#c' 00*27", "", ""},
		{"'#' 70*11 '#d' 00*18", "", ""},
		{"'#p#' 64*20 00*9", "", ""},
		{"'#a' 20 'b#d' 00*26", "", ""},
		{"'#a#d' 7f 00*27", "", ""},
		{"'#a' 00 '#d' 00*27", "", ""},
		{"'#' 70*31", "", ""},
	}
	for _, tt := range tests {
		n := Name(parse(t, tt.bytes))
		private, daemon, ok := n.SplitPrivate()
		if string(private) != tt.private || string(daemon) != tt.daemon || ok != (tt.private != "") {
			t.Errorf("%s: got %q, %q, %t; want %q, %q", tt.bytes, private, daemon, ok, tt.private, tt.daemon)
		}
		if got, want := n.IsPrivate(), n[0] == '#'; got != want {
			t.Errorf("%s: private %t, want %t", tt.bytes, got, want)
		}
	}
}
