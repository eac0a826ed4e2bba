package wire

import (
	"slices"
	"strings"
	"testing"
)

func TestFirstReply(t *testing.T) {
	tests := []struct {
		name  string
		bytes string
		list  string
		code  Code
	}{
		// client-protocol §3.2, its two examples.
		{"default", "05 'NULL' 20", "NULL ", 0},
		{"two methods", "08 'NULL' 20 'IP' 20", "NULL IP ", 0},
		{"three methods", "0e 'NULL' 20 'IP' 20 'PWORD' 20", "NULL IP PWORD ", 0},
		{"no method", "00", "", 0},
		{"longest", "5a 78*90", strings.Repeat("x", MaxMethodList), 0},
		// §14.2: the codes that are possible here.
		{"quota", "fd", "", RejectQuota},
		{"name", "fb", "", RejectIllegalName},
		{"not unique", "fa", "", RejectNotUnique},
		{"version", "f9", "", RejectVersion},
		{"lowest code", "80", "", -128},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := parse(t, tt.bytes)
			list, code, n, err := DecodeFirstReply(append(b, "next"...))
			if err != nil || string(list) != tt.list || code != tt.code || n != len(b) {
				t.Errorf("got %q, %v, %d, %v; want %q, %v, %d", list, code, n, err, tt.list, tt.code, len(b))
			}
			if tt.code == 0 {
				wantBytes(t, MethodList(tt.list).Append([]byte("before")), append([]byte("before"), b...))
			}
		})
	}
}

func TestFirstReplyErrors(t *testing.T) {
	tests := []struct {
		bytes string
		want  DecodeError
	}{
		{"", DecodeError{"method list", 0, ErrShort}},
		{"05", DecodeError{"method list", 1, ErrShort}},
		{"05 'NULL'", DecodeError{"method list", 5, ErrShort}},
		// client-protocol §3.2: 0..90.
		{"5b 78*91", DecodeError{"method list length", 0, ErrLength}},
		{"7f", DecodeError{"method list length", 0, ErrLength}},
	}
	for _, tt := range tests {
		list, code, n, err := DecodeFirstReply(parse(t, tt.bytes))
		wantDecodeError(t, err, tt.want)
		if list != nil || code != 0 || n != 0 {
			t.Errorf("%s: got %q, %v, %d; want nothing", tt.bytes, list, code, n)
		}
	}
}

func TestMethodList(t *testing.T) {
	list := MakeMethodList(MethodNull, MethodIP, MethodPassword)
	if got, want := string(list), "NULL IP PWORD "; got != want {
		t.Errorf("list is %q, want %q", got, want)
	}
	for _, m := range []string{"NULL", "IP", "PWORD"} {
		if !list.Has(m) {
			t.Errorf("%q has no %s", list, m)
		}
	}
	for _, m := range []string{"", "NUL", "NULL ", "P", "null", "NULL IP"} {
		if list.Has(m) {
			t.Errorf("%q has %q", list, m)
		}
	}
	if MakeMethodList().Has("") {
		t.Error("an empty list has something")
	}
}

func TestMethodChoice(t *testing.T) {
	tests := []struct {
		name    string
		bytes   string
		methods []string
		odd     bool // no choice that we would make
	}{
		// client-protocol §4.1
		{"default", "'NULL' 00*86", []string{"NULL"}, false},
		{"two", "'NULL' 00*26 'IP' 00*58", []string{"NULL", "IP"}, false},
		{"three", "'NULL' 00*26 'IP' 00*28 'PWORD' 00*25", []string{"NULL", "IP", "PWORD"}, false},
		{"longest name", "78*29 00*61", []string{strings.Repeat("x", 29)}, false},
		{"none", "00*90", nil, false},
		{"an empty field ends the list", "'IP' 00*28 00*30 'NULL' 00*26", []string{"IP"}, true},
		{"bytes behind a name", "'IP' 00 'junk' 00*23 00*60", []string{"IP"}, true},
		{"bytes in an empty field", "'IP' 00*28 00 'junk' 00*25 00*30", []string{"IP"}, true},
		// All three fields are used, without a zero anywhere: stop after three.
		{"full", "61*30 62*30 63*30", []string{strings.Repeat("a", 30), strings.Repeat("b", 30), strings.Repeat("c", 30)}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := parse(t, tt.bytes)
			var c MethodChoice
			if err := c.Decode(append(b, "next"...)); err != nil {
				t.Fatal(err)
			}
			var got []string
			for m := range c.Methods() {
				got = append(got, string(m))
			}
			if !slices.Equal(got, tt.methods) {
				t.Errorf("methods %q, want %q", got, tt.methods)
			}
			for m := range c.Methods() {
				if string(m) != tt.methods[0] {
					t.Errorf("first method %q, want %q", m, tt.methods[0])
				}
				break
			}
			wantBytes(t, c.Append([]byte("before")), append([]byte("before"), b...))
			if made, ok := MakeMethodChoice(tt.methods...); !tt.odd && (!ok || made != c) {
				t.Errorf("made %x, %t; want %x", made, ok, c)
			}
		})
	}
}

func TestMethodChoiceErrors(t *testing.T) {
	for _, names := range [][]string{
		{""},
		{"NULL", ""},
		{strings.Repeat("x", MethodNameLen)},
		{"A", "B", "C", "D"},
	} {
		if _, ok := MakeMethodChoice(names...); ok {
			t.Errorf("%q: made a choice", names)
		}
	}
	for _, n := range []int{0, 1, 30, MethodChoiceLen - 1} {
		var c MethodChoice
		wantDecodeError(t, c.Decode(make([]byte, n)), DecodeError{"method choice", n, ErrShort})
	}
}

// client-protocol §4.4
func TestPasswordRequest(t *testing.T) {
	tests := []struct {
		name           string
		bytes          string
		user, password string // to be made
		cut            string // what is left of the password
	}{
		{"short password", "'alice' 00*27 'wrong' 00*3", "alice", "wrong", "wrong"},
		{"eight bytes", "'alice' 00*27 'password'", "alice", "password", "password"},
		{"only eight count", "'alice' 00*27 'password'", "alice", "passwords", "password"},
		{"no password", "'alice' 00*35", "alice", "", ""},
		{"longest user", "75*31 00 'secret' 00*2", strings.Repeat("u", 31), "secret", "secret"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := parse(t, tt.bytes)
			made, ok := MakePasswordRequest(tt.user, tt.password)
			if !ok {
				t.Fatal("not made")
			}
			wantBytes(t, made.Append([]byte("before")), append([]byte("before"), b...))
			var r PasswordRequest
			if err := r.Decode(append(b, "next"...)); err != nil {
				t.Fatal(err)
			}
			if r.User() != tt.user || r.Password() != tt.cut {
				t.Errorf("got %q, %q; want %q, %q", r.User(), r.Password(), tt.user, tt.cut)
			}
		})
	}
	var full PasswordRequest
	if err := full.Decode(parse(t, "75*32 70*8")); err != nil {
		t.Fatal(err)
	}
	if full.User() != strings.Repeat("u", 32) || full.Password() != strings.Repeat("p", 8) {
		t.Errorf("without a zero: %q, %q", full.User(), full.Password())
	}
}

func TestPasswordRequestErrors(t *testing.T) {
	for _, user := range []string{"", strings.Repeat("u", 32)} {
		if _, ok := MakePasswordRequest(user, "secret"); ok {
			t.Errorf("user %q: made a request", user)
		}
	}
	for _, n := range []int{0, 32, PasswordRequestLen - 1} {
		var r PasswordRequest
		wantDecodeError(t, r.Decode(make([]byte, n)), DecodeError{"password request", n, ErrShort})
	}
}
