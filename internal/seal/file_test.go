package seal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/golden"
)

// TestKeyTable: the documentation lists the keys of the file.
func TestKeyTable(t *testing.T) {
	golden.Section(t, filepath.Join("..", "..", "docs", "operate", "ring-keys.md"),
		"<!-- keys: go test ./internal/seal -run KeyTable -rewrite -->\n", "<!-- end of keys -->\n", KeyTable())
}

// TestExample: the file that is documented as an example can be read.
func TestExample(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "operate", "examples", "ring.keys")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	k, warnings, err := Parse(path, text)
	if err != nil || len(warnings) > 0 {
		t.Fatal(warnings, err)
	}
	if ids := k.IDs(); len(ids) != 2 || k.InUse().ID() != ids[1] {
		t.Errorf("keys %v, in use %v", ids, k.InUse())
	}
}

// TestMistakes: each mistake has its place, and no secret is repeated.
func TestMistakes(t *testing.T) {
	const secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	const good = `"aes-256-gcm:` + secret + `"`
	for _, tt := range []struct{ text, want string }{
		{"", "keys"},
		{"keys = []", "no key"},
		{"keys = [" + good + "," + good + "]", "two keys have the id"},
		{"keys = [" + good + "]\nuse = \"00000000\"", `no key has the id "00000000"`},
		{"keys = [" + good + "]\nsend = \"plain\"", `set accept = "both"`},
		{"keys = [" + good + "]\naccept = \"plain\"", "accept"},
		{"keys = [\"aes:" + secret + "\"]", "1:"},
		{"keys = [\"" + secret + "\"]", "1:"},
		{"keys = [\"aes-256-gcm:" + secret[:40] + "\"]", "32 bytes in base64"},
		{"keys = [" + strings.Repeat(good+",", MaxKeys+1) + "]", "at most 16"},
		{"key = [" + good + "]", "unknown key"},
		{"keys = [" + good + "]\nuse = " + good, "no key has the id"},
		{"keys = [" + good + "]\nsend = " + good, "send"},
		{"keys = [" + good + "]\naccept = " + good, "accept"},
		{"keys = [aes-256-gcm:" + secret + "]", "1:"},
		{"keys = aes-256-gcm:" + secret, "1:"},
		{"aes-256-gcm:" + secret, "1:"},
		{secret, "1:"},
		{"keys = [\"aes-256-gcm:" + secret + "]", "1:"},
		{"[" + secret + "]", "1:"},
		{secret[:43] + " = 1", "1:"},
		{"keys = [" + secret[:43] + "]", "1:"},
		{"keys = [" + good + " " + secret + "]", "1:"},
		{"keys = [" + good + "]\nuse = " + secret, "2:"},
		{"[[" + secret[:43] + "]]\nx = 1", "1:"},
	} {
		_, _, err := Parse("ring.keys", []byte(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.text, err, tt.want)
			continue
		}
		if strings.Contains(err.Error(), secret[:10]) {
			t.Errorf("%s: the error repeats a secret: %v", tt.text, err)
		}
	}
}

// TestKeyText: a key is written as it is read.
func TestKeyText(t *testing.T) {
	for _, c := range []Cipher{AES, ChaCha} {
		k := testKey(t, 3, c)
		again, err := ParseKey(k.Text())
		if err != nil || *again != *k {
			t.Errorf("%v read as %v: %v", k, again, err)
		}
		if id, err := ParseKeyID(k.ID().String()); err != nil || id != k.ID() {
			t.Errorf("id %v read as %v: %v", k.ID(), id, err)
		}
		if strings.Contains(k.String(), k.Text()[20:30]) {
			t.Errorf("%v shows the secret", k)
		}
	}
}
