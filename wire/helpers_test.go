package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"testing"
)

// parse turns the notation of the tables into bytes: hexadecimal, text in single quotes, and "xx*n"
// for n times a byte, separated by spaces. Text cannot contain a space.
func parse(t testing.TB, notation string) []byte {
	t.Helper()
	var b []byte
	for token := range strings.FieldsSeq(notation) {
		if text, ok := strings.CutPrefix(token, "'"); ok {
			text, ok = strings.CutSuffix(text, "'")
			if !ok {
				t.Fatalf("%s: quote without an end", token)
			}
			b = append(b, text...)
			continue
		}
		digits, times, repeated := strings.Cut(token, "*")
		part, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatalf("%s: %v", token, err)
		}
		n := 1
		if repeated {
			if n, err = strconv.Atoi(times); err != nil {
				t.Fatalf("%s: %v", token, err)
			}
		}
		b = append(b, bytes.Repeat(part, n)...)
	}
	return b
}

// field returns s as a name field in hexadecimal, for use in the notation of parse.
func field(s string) string {
	n := MakeName(s)
	return hex.EncodeToString(n[:])
}

// wantBytes compares encoded bytes with the expected ones.
func wantBytes(t testing.TB, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("encoded\n     %x\nwant %x", got, want)
	}
}

// wantDecodeError checks the reason for which a decoder refused its input, and the place that it
// reports.
func wantDecodeError(t testing.TB, err error, want DecodeError) {
	t.Helper()
	var got *DecodeError
	switch {
	case err == nil:
		t.Errorf("decoded, want error %q", want.Error())
	case !errors.As(err, &got):
		t.Errorf("error %v is a %T, want a *DecodeError", err, err)
	case *got != want:
		t.Errorf("error %q, want %q", got.Error(), want.Error())
	case !errors.Is(err, want.Err):
		t.Errorf("error %q does not wrap %q", got.Error(), want.Err)
	}
}

// checkDecodeError checks what every decoder promises about its errors: a *DecodeError with one of
// the reasons and a place within the input. It returns the first violation, or nothing.
func checkDecodeError(err error, b []byte) string {
	var got *DecodeError
	switch {
	case !errors.As(err, &got):
		return "not a *DecodeError: " + err.Error()
	case !errors.Is(got.Err, ErrShort) && !errors.Is(got.Err, ErrLength) && !errors.Is(got.Err, ErrForm):
		return "reason is none of ours: " + err.Error()
	case got.What == "":
		return "does not say what: " + err.Error()
	case got.Offset < 0 || got.Offset > len(b):
		return "place outside of the input: " + err.Error()
	default:
		return ""
	}
}

func TestDecodeError(t *testing.T) {
	err := error(&DecodeError{What: "message header", Offset: 20, Err: ErrShort})
	if got, want := err.Error(), "decoding message header at byte 20: input ends early"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, reason := range []error{ErrLength, ErrForm} {
		if errors.Is(err, reason) {
			t.Errorf("%v is also %v", err, reason)
		}
	}
	if !errors.Is(err, ErrShort) {
		t.Errorf("%v is not %v", err, ErrShort)
	}
}
