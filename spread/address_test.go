package spread

import (
	"errors"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/blind"
)

func TestParseAddress(t *testing.T) {
	for _, tt := range []struct {
		in, goos         string
		network, address string // of the endpoint, in socket directory /dir
		text             string // of String, if it is not in
	}{
		{in: "", network: "unix", address: "/dir/4803", text: "4803"},
		{in: "4803", network: "unix", address: "/dir/4803"},
		{in: "65535", network: "unix", address: "/dir/65535"},
		{in: "04804", network: "unix", address: "/dir/4804", text: "4804"},
		{in: "", goos: "windows", network: "tcp", address: "localhost:4803", text: "4803@localhost"},
		{in: "4803", goos: "windows", network: "tcp", address: "localhost:4803", text: "4803@localhost"},
		{in: "4803@localhost", network: "tcp", address: "localhost:4803"},
		{in: "1@10.0.0.1", network: "tcp", address: "10.0.0.1:1"},
		{in: "4803@::1", network: "tcp", address: "[::1]:4803"},
		{in: "4803@[::1]", network: "tcp", address: "[::1]:4803", text: "4803@::1"},
		{in: "4803@fe80::1%eth0", network: "tcp", address: "[fe80::1%eth0]:4803"},
		{in: "log1.example.org:4803", network: "tcp", address: "log1.example.org:4803", text: "4803@log1.example.org"},
		{in: "[::1]:4803", network: "tcp", address: "[::1]:4803", text: "4803@::1"},
		{in: "/run/spread/sock", network: "unix", address: "/run/spread/sock"},
	} {
		t.Run(tt.in+tt.goos, func(t *testing.T) {
			a, problem := parseAddress(tt.in, tt.goos)
			if problem != "" {
				t.Fatal(problem)
			}
			if got, want := a.endpoints("/dir"), (endpoint{tt.network, tt.address}); len(got) != 1 || got[0] != want {
				t.Errorf("endpoints %v, want %v", got, want)
			}
			text := tt.text
			if text == "" {
				text = tt.in
			}
			if a.String() != text {
				t.Errorf("text %s, want %s", a, text)
			}
		})
	}
}

func TestParseAddressIllegal(t *testing.T) {
	for _, in := range []string{
		"0", "-1", "+4803", "65536", "999999999999999999999", " 4803", "4803 ", "4803x", "x", "0x12c3", "localhost",
		"@", "4803@", "@localhost", "x@localhost", "0@localhost", "4803@a b", "4803@a@b", "4803@/tmp", "4803@" + strings.Repeat("h", 256),
		"localhost:", ":4803", "localhost:x", "4803:localhost", "4803:4804", "::1", "::1:4803", "[::1]", "4803localhost",
		"relative/4803", "4803@x\x00y",
	} {
		t.Run(in, func(t *testing.T) {
			a, err := ParseAddress(in)
			if !errors.Is(err, ErrIllegalSpread) {
				t.Fatalf("parsed to %+v, error %v", a, err)
			}
			if _, err := Dial(t.Context(), in); CodeOf(err) != ErrIllegalSpread {
				t.Errorf("Dial: %v", err)
			}
		})
	}
}

// FuzzParseAddress checks that what is accepted reads the same again from its
// text.
func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"", "4803", "4803@::1", "[::1]:4803", "a:1", "/tmp/4803", "4803@[x]"} {
		f.Add(s)
	}
	blind.Fuzz(f, func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		b, err := ParseAddress(a.String())
		if err != nil || a != b {
			t.Errorf("%q is %+v, its text %q is %+v, %v", s, a, a.String(), b, err)
		}
	})
}
