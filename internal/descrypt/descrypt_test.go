package descrypt

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/blind"
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

// hashOf returns the hash of a password with a valid salt.
func hashOf(password, salt string) string {
	return salt + crypt(password, uint16(strings.IndexByte(alphabet, salt[0])|strings.IndexByte(alphabet, salt[1])<<6))
}

func TestVectors(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors(t) {
		if got := hashOf(v.password, v.salt); got != v.hash {
			t.Errorf("line %d: the hash of %q with %q is %q, want %q", v.line, v.password, v.salt, got, v.hash)
		}
		if !Verify(v.password, v.hash) {
			t.Errorf("line %d: %q does not match %q", v.line, v.password, v.hash)
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
		if Verify(password, hash) {
			t.Errorf("%q matches", password)
		}
	}
	for i := range hashLen {
		for _, c := range []byte("./09AZaz") {
			changed := hash[:i] + string(c) + hash[i+1:]
			if changed != hash && Verify("secret", changed) {
				t.Errorf("the password matches %q", changed)
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
			if same := Verify(tt.b, hashOf(tt.a, "./")); same != tt.same {
				t.Errorf("%q passes for %q: %v, want %v", tt.b, tt.a, same, tt.same)
			}
		})
	}
}

// What is no hash matches no password, not even one that has the rest of it.
func TestMalformed(t *testing.T) {
	t.Parallel()
	const rest = "NANd1rDfiNc"
	for _, hash := range []string{
		"", "a", "ab", "abNANd1rDfiN", "abNANd1rDfiNc\n", "_J9..CCCCXBrJUJV154M", "*************",
		"!b" + rest, "$1" + rest, "a:" + rest, "é" + rest, "-a" + rest, ":a" + rest, "@a" + rest, "[a" + rest,
		"`a" + rest, "{a" + rest, "a\x00" + rest, "abNANd$rDfiNc", "abNANd1rDfiN:",
		"abNANd1rDfiNd", "abNANd1rDfiNe", // bits beyond the block
	} {
		if Verify("secret", hash) {
			t.Errorf("the password matches %q", hash)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("secret", "abNANd1rDfiNc")   // right
	f.Add("Secret", "abNANd1rDfiNc")   // wrong
	f.Add("secret", "abNANd1rDfiNd")   // impossible
	f.Add("secret", "a")               // too short to hold a salt
	f.Add("", "*")                     // locked
	f.Add("correct horse", "zz")       // longer than what counts
	f.Add("\xff\x80\x00\xff", "./")    // high bits and NUL
	f.Add("p\xc3\xa4ssw\xc3\xb6", "é") // beyond ASCII
	blind.Fuzz(f, func(t *testing.T, password, hash string) {
		if len(hash) < saltLen || !strings.Contains(alphabet, hash[:1]) || !strings.Contains(alphabet, hash[1:2]) {
			if Verify(password, hash) {
				t.Fatalf("%q matches %q", password, hash)
			}
			return
		}
		want := hashOf(password, hash[:saltLen])
		if Verify(password, hash) != (want == hash) {
			t.Errorf("%q matches %q: %v, and the hash is %q", password, hash, want != hash, want)
		}
		if !Verify(password[:min(len(password), passwordLen)], want) {
			t.Errorf("the first bytes of %q do not match %q", password, want)
		}
		if !Verify(password+"\x00x", want) {
			t.Errorf("%q and NUL do not match %q", password, want)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if !Verify("secret", "abNANd1rDfiNc") {
			b.Fatal("no match")
		}
	}
}

func ExampleVerify() {
	const stored = "abNANd1rDfiNc"
	for _, password := range []string{"secret", "guess"} {
		fmt.Println(password, Verify(password, stored))
	}
	// Output:
	// secret true
	// guess false
}
