package envelope

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/blind"
)

// TestGolden holds the bytes: subscribers of other versions read them.
func TestGolden(t *testing.T) {
	for _, tt := range []struct {
		h     Header
		lines string
		want  string
	}{
		{
			Header{"w", 1, 2, 3},
			"\n",
			"ff4c5001" + "01" + "77" + "0000000000000001" + "00000002" + "0000000000000003" + "0a",
		},
		{
			Header{"web1.example:a", 0x18a3f2c4d5e60718, 0xfffffffe, 1<<64 - 1},
			"GET /\nGET /b\n",
			"ff4c5001" + "0e" + "776562312e6578616d706c653a61" + "18a3f2c4d5e60718" + "fffffffe" + "ffffffffffffffff" + "474554202f0a474554202f620a",
		},
	} {
		b := append(tt.h.Append(nil), tt.lines...)
		if got := hex.EncodeToString(b); got != tt.want {
			t.Errorf("%+v is %s, want %s", tt.h, got, tt.want)
		}
		if n := len(b) - len(tt.lines); n != Len(tt.h.Publisher) {
			t.Errorf("Len is %d, the envelope has %d bytes", Len(tt.h.Publisher), n)
		}
		var h Header
		lines, err := h.Decode(b)
		if err != nil || h != tt.h || string(lines) != tt.lines {
			t.Errorf("decoded as %+v, %q, %v", h, lines, err)
		}
	}
}

func TestErrors(t *testing.T) {
	good := append((&Header{Publisher: "web"}).Append(nil), "a\n"...)
	with := func(i int, c byte) []byte {
		b := append([]byte(nil), good...)
		b[i] = c
		return b
	}
	for what, tt := range map[string]struct {
		message []byte
		want    error
	}{
		"nothing":           {nil, ErrNone},
		"a line":            {[]byte("GET / HTTP/1.1\n"), ErrNone},
		"no magic":          {with(1, 'X'), ErrNone},
		"short magic":       {good[:3], ErrNone},
		"control":           {[]byte("\xffLC"), ErrControl},
		"another version":   {with(3, 2), ErrVersion},
		"only magic":        {good[:4], ErrMalformed},
		"no name":           {append((&Header{}).Append(nil), '\n'), ErrMalformed},
		"long name":         {with(4, MaxPublisher+1), ErrMalformed},
		"a space in it":     {with(6, ' '), ErrMalformed},
		"cut":               {good[:len(good)-3], ErrMalformed},
		"no lines":          {good[:len(good)-2], ErrMalformed},
		"a line cut in two": {good[:len(good)-1], ErrMalformed},
	} {
		var h Header
		if lines, err := h.Decode(tt.message); !errors.Is(err, tt.want) || (lines == nil) != (err != ErrNone || tt.message == nil) { //nolint:errorlint // it is not wrapped
			t.Errorf("%s: %q, error %v, want %v", what, lines, err, tt.want)
		}
	}
}

func TestAllocs(t *testing.T) {
	h := Header{Publisher: "web", Epoch: 1}
	b := make([]byte, 0, 100)
	if n := testing.AllocsPerRun(100, func() {
		b = append(h.Append(b[:0]), "a\n"...)
		if _, err := h.Decode(b); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzDecode: what is decoded is what is written like that.
func FuzzDecode(f *testing.F) {
	f.Add(append((&Header{"web", 1, 2, 3}).Append(nil), "a\nb\n"...)) // two lines
	f.Add([]byte("a plain line\n"))
	f.Add([]byte(magic + "\x40"))
	blind.Fuzz(f, func(t *testing.T, b []byte) {
		var h Header
		lines, err := h.Decode(b)
		if err != nil {
			return
		}
		if again := append(h.Append(nil), lines...); string(again) != string(b) {
			t.Errorf("%x became %x", b, again)
		}
	})
}
