package descrypt

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

type vector struct {
	line           int
	password, salt string
	hash           string
}

// readVectors reads testdata/crypt.txt, whose head names its origin.
func readVectors(t testing.TB) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/crypt.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []vector
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		password, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		rest := strings.Fields(line[len(quoted):])
		if len(rest) != 2 {
			t.Fatalf("line %d: %d fields behind the password, want salt and hash", n, len(rest))
		}
		out = append(out, vector{n, password, rest[0], rest[1]})
	}
	if len(out) < 200 {
		t.Fatalf("only %d vectors", len(out))
	}
	return out
}

func TestVectors(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors(t) {
		got, err := Hash(v.password, v.salt)
		if err != nil || got != v.hash {
			t.Errorf("line %d: Hash(%q, %q) = %q, %v; want %q", v.line, v.password, v.salt, got, err, v.hash)
		}
		if err := Verify(v.password, v.hash); err != nil {
			t.Errorf("line %d: Verify(%q, %q): %v", v.line, v.password, v.hash, err)
		}
	}
}

// The vectors have every character of the alphabet in both places of the salt.
func TestVectorsCoverSalts(t *testing.T) {
	t.Parallel()
	var first, second string
	for _, v := range readVectors(t) {
		first += v.salt[:1]
		second += v.salt[1:]
	}
	for _, c := range alphabet {
		if !strings.ContainsRune(first, c) || !strings.ContainsRune(second, c) {
			t.Errorf("no vector with %q in one place of the salt", c)
		}
	}
}

// Every change of a stored hash is detected, wherever it is.
func TestVerifyMismatch(t *testing.T) {
	t.Parallel()
	const hash = "abNANd1rDfiNc" // of "secret"
	for _, password := range []string{"", "Secret", "secre", "secret ", "terces", hash} {
		if err := Verify(password, hash); !errors.Is(err, ErrMismatch) {
			t.Errorf("Verify(%q): %v, want %v", password, err, ErrMismatch)
		}
	}
	for i := range HashLen {
		for _, c := range []byte("./09AZaz") {
			changed := hash[:i] + string(c) + hash[i+1:]
			if changed == hash {
				continue
			}
			want := ErrMismatch
			if Validate(changed) != nil {
				want = ErrPadding
			}
			if err := Verify("secret", changed); !errors.Is(err, want) {
				t.Errorf("Verify with %q: %v, want %v", changed, err, want)
			}
		}
	}
}

func TestWhatCounts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, a, b string
		same       bool
	}{
		{"eight bytes", "12345678", "123456789", true},
		{"the eighth", "12345678", "1234567x", false},
		{"seven bits", "\xf3ecret", "secret", true},
		{"NUL ends, as in C", "secret\x00padding", "secret", true},
		{"NUL first", "\x00secret", "", true},
		{"a byte without low bits does not end", "a\x80b", "a", false},
		{"zeros at the end are as nothing", "a\x80", "a", true},
		{"NUL behind the eighth", "12345678\x00", "12345678", true},
		{"case", "secret", "Secret", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			hash, err := Hash(tt.a, "./")
			if err != nil {
				t.Fatal(err)
			}
			if same := Verify(tt.b, hash) == nil; same != tt.same {
				t.Errorf("%q passes for %q: %v, want %v", tt.b, tt.a, same, tt.same)
			}
		})
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	hashOf := func(_, s string) error { return Validate(s) }
	verify := Verify
	saltOf := func(p, s string) error { _, err := Hash(p, s); return err }
	tests := []struct {
		name   string
		check  func(password, s string) error
		in     string
		offset int
		err    error
		text   string
	}{
		{
			"empty salt", saltOf, "", 0, ErrLength,
			"descrypt: salt: wrong length of 0 bytes: a salt is 2 characters from ./0-9A-Za-z",
		},
		{"short salt", saltOf, "a", 1, ErrLength, ""},
		{"whole hash as a salt", saltOf, "abNANd1rDfiNc", 13, ErrLength, ""},
		{
			"first of the salt", saltOf, "$1", 0, ErrAlphabet,
			"descrypt: salt: character outside ./0-9A-Za-z at offset 0: a salt is 2 characters from ./0-9A-Za-z",
		},
		{"second of the salt", saltOf, "a:", 1, ErrAlphabet, ""},
		{"salt beyond ASCII", saltOf, "é", 0, ErrAlphabet, ""},
		{"neighbours of the alphabet: -", saltOf, "-a", 0, ErrAlphabet, ""},
		{"neighbours of the alphabet: :", saltOf, ":a", 0, ErrAlphabet, ""},
		{"neighbours of the alphabet: @", saltOf, "@a", 0, ErrAlphabet, ""},
		{"neighbours of the alphabet: [", saltOf, "[a", 0, ErrAlphabet, ""},
		{"neighbours of the alphabet: `", saltOf, "`a", 0, ErrAlphabet, ""},
		{"neighbours of the alphabet: {", saltOf, "{a", 0, ErrAlphabet, ""},
		{"NUL in the salt", saltOf, "a\x00", 1, ErrAlphabet, ""},
		{
			"empty hash", verify, "", 0, ErrLength,
			"descrypt: hash: wrong length of 0 bytes: store the 13 characters that crypt(3) makes with a salt of 2; other schemes are not read",
		},
		{"short hash", verify, "abNANd1rDfiN", 12, ErrLength, ""},
		{"hash with a newline", verify, "abNANd1rDfiNc\n", 14, ErrLength, ""},
		{"extended DES", verify, "_J9..CCCCXBrJUJV154M", 20, ErrLength, ""},
		{"locked account", verify, "!bNANd1rDfiNc", 0, ErrAlphabet, ""},
		{"thirteen stars", verify, "*************", 0, ErrAlphabet, ""},
		{"middle of the hash", verify, "abNANd$rDfiNc", 6, ErrAlphabet, ""},
		{"last of the hash", verify, "abNANd1rDfiN:", 12, ErrAlphabet, ""},
		{
			"bits beyond the block", verify, "abNANd1rDfiNd", 12, ErrPadding,
			"descrypt: hash: impossible last character at offset 12: store the 13 characters that crypt(3) makes with a salt of 2; other schemes are not read",
		},
		{"higher bit beyond the block", hashOf, "abNANd1rDfiNe", 12, ErrPadding, ""},
		{"short hash, not verified", hashOf, "ab", 2, ErrLength, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.check("secret", tt.in)
			bad, ok := errors.AsType[*FormatError](err)
			if !ok {
				t.Fatalf("%q: %v, want a FormatError", tt.in, err)
			}
			if bad.Offset != tt.offset || !errors.Is(err, tt.err) {
				t.Errorf("%q: offset %d, %v; want %d, %v", tt.in, bad.Offset, bad.Err, tt.offset, tt.err)
			}
			if tt.text != "" && err.Error() != tt.text {
				t.Errorf("%q:\n got %s\nwant %s", tt.in, err, tt.text)
			}
			if len(tt.in) > SaltLen && strings.Contains(err.Error(), tt.in) {
				t.Errorf("the error holds the hash: %v", err)
			}
		})
	}
}

// Exactly every fourth value is possible for the last character.
func TestLastCharacter(t *testing.T) {
	t.Parallel()
	possible := 0
	for _, c := range alphabet {
		if Validate("abNANd1rDfiN"+string(c)) == nil {
			possible++
		}
	}
	if possible != 16 {
		t.Errorf("%d last characters are possible, want 16", possible)
	}
}

func FuzzHash(f *testing.F) {
	f.Add("secret", "ab")              // as it should be
	f.Add("", "..")                    // nothing at all
	f.Add("correct horse", "zz")       // longer than what counts
	f.Add("\xff\x80\x00\xff", "./")    // high bits and NUL
	f.Add("secret", "abNANd1rDfiNc")   // a hash for a salt
	f.Add("secret", "$6$salt$")        // another scheme
	f.Add("p\xc3\xa4ssw\xc3\xb6", "é") // beyond ASCII
	f.Fuzz(func(t *testing.T, password, salt string) {
		hash, err := Hash(password, salt)
		if err != nil {
			if _, ok := errors.AsType[*FormatError](err); !ok || hash != "" {
				t.Fatalf("Hash(%q, %q) = %q, %v", password, salt, hash, err)
			}
			return
		}
		if !strings.HasPrefix(hash, salt) {
			t.Errorf("the hash %q does not begin with the salt %q", hash, salt)
		}
		if err := Validate(hash); err != nil {
			t.Errorf("Hash(%q, %q) = %q: %v", password, salt, hash, err)
		}
		if err := Verify(password[:min(len(password), PasswordLen)], hash); err != nil {
			t.Errorf("the first bytes of %q against %q: %v", password, hash, err)
		}
		if err := Verify(password+"\x00x", hash); err != nil {
			t.Errorf("%q and NUL against %q: %v", password, hash, err)
		}
	})
}

func FuzzVerify(f *testing.F) {
	f.Add("secret", "abNANd1rDfiNc") // right
	f.Add("Secret", "abNANd1rDfiNc") // wrong
	f.Add("secret", "abNANd1rDfiNd") // impossible
	f.Add("secret", "a")             // too short to hold a salt
	f.Add("", "*")                   // locked
	f.Fuzz(func(t *testing.T, password, hash string) {
		err := Verify(password, hash)
		if malformed := Validate(hash); malformed != nil {
			if err == nil || err.Error() != malformed.Error() {
				t.Fatalf("Verify(%q, %q): %v, want %v", password, hash, err, malformed)
			}
			return
		}
		want, hashErr := Hash(password, hash[:SaltLen])
		if hashErr != nil {
			t.Fatal(hashErr)
		}
		if (err == nil) != (want == hash) || (err != nil && !errors.Is(err, ErrMismatch)) {
			t.Errorf("Verify(%q, %q): %v, and the hash is %q", password, hash, err, want)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if err := Verify("secret", "abNANd1rDfiNc"); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleVerify() {
	const stored = "abNANd1rDfiNc"
	for _, password := range []string{"secret", "guess"} {
		err := Verify(password, stored)
		fmt.Println(password, err == nil, errors.Is(err, ErrMismatch))
	}
	// Output:
	// secret true false
	// guess false true
}
