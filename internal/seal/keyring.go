package seal

import (
	"errors"
	"regexp"
	"slices"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/internal/conf/tomlconf"
)

// MaxKeys is the most keys that a file may have.
const MaxKeys = 16

// keysFile is the file of keys. Its keys are described by the tags.
type keysFile struct {
	Use    string   `toml:"use" help:"id of the key to seal with (default: the first of keys)"`
	Send   string   `toml:"send" enum:"sealed,plain" default:"sealed" help:"plain sends datagrams as without keys, until all hosts have the file"`
	Accept string   `toml:"accept" enum:"sealed,both" default:"sealed" help:"both also accepts plain datagrams, from anybody, while hosts change over"`
	Keys   []string `toml:"keys" required:"true" help:"keys that open datagrams, made by spreadd -genkey"`

	use  *Key
	keys []*Key
}

// Check checks what the tags cannot.
func (f *keysFile) Check(t *tomlconf.Table) {
	switch n := len(f.Keys); {
	case n == 0:
		t.Errorf("keys", "make a key with spreadd -genkey", "no key")
	case n > MaxKeys:
		t.Errorf("keys", "remove keys that no host uses", "%d keys, at most %d are possible", n, MaxKeys)
	}
	for i, text := range f.Keys {
		k, err := ParseKey(text)
		if err != nil { // It does not quote the key.
			t.ErrorAt("keys", i, "", "%v", err)
			continue
		}
		if slices.ContainsFunc(f.keys, func(o *Key) bool { return o.id == k.id }) {
			t.ErrorAt("keys", i, "remove one", "two keys have the id %v", k.id)
		}
		f.keys = append(f.keys, k)
		if f.use == nil && (f.Use == "" || f.Use == k.id.String()) {
			f.use = k
		}
	}
	if f.use == nil && len(f.keys) == len(f.Keys) && len(f.keys) > 0 {
		var ids []string
		for _, k := range f.keys {
			ids = append(ids, k.id.String())
		}
		t.Errorf("use", "want "+conf.OneOf(ids), "no key has the id %q", f.Use)
	}
	if f.Send == "plain" && f.Accept == "sealed" {
		t.Errorf("send", `set accept = "both"`, `send = "plain" and accept = "sealed": no other daemon could do the same and be heard`)
	}
}

// Keyring is the keys of a ring and how to use them. It does not change.
type Keyring struct {
	keys        []*Key
	use         *Key
	sendPlain   bool
	acceptPlain bool
}

// Parse reads the contents of a file of keys. Its errors name the place, and never a secret.
func Parse(name string, src []byte) (*Keyring, []conf.Warning, error) {
	var f keysFile
	tomlconf.SetDefaults(&f)
	warnings, err := tomlconf.Read(name, src, &f)
	if err != nil {
		return nil, nil, hideSecrets(err)
	}
	return &Keyring{keys: f.keys, use: f.use, sendPlain: f.Send == "plain", acceptPlain: f.Accept == "both"}, warnings, nil
}

// quoted is a quoted part of a message that is longer than the id of a key.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.){9,}"|'[^'\s]{9,}'`)

// hideSecrets removes from the messages what they quote of the file: that may be a key, or a part
// of one, in a wrong place.
func hideSecrets(err error) error {
	if list, ok := errors.AsType[conf.Errors](err); ok {
		for _, e := range list {
			e.Problem, e.Token = quoted.ReplaceAllString(e.Problem, `"..."`), ""
		}
	}
	return err
}

// KeyTable returns the keys of the file as a table in Markdown.
func KeyTable() string { return tomlconf.KeyTable(&keysFile{}) }

// NewKeyring returns a keyring of which the first key is in use, for tests and for monitors.
func NewKeyring(keys ...*Key) (*Keyring, error) {
	if len(keys) == 0 || len(keys) > MaxKeys {
		return nil, errors.New("want 1 to 16 keys")
	}
	return &Keyring{keys: keys, use: keys[0]}, nil
}

// Key returns the key with an id, or nil.
func (k *Keyring) Key(id KeyID) *Key {
	for _, key := range k.keys {
		if key.id == id {
			return key
		}
	}
	return nil
}

// IDs returns the ids of all keys, in the order of the file.
func (k *Keyring) IDs() []KeyID {
	ids := make([]KeyID, len(k.keys))
	for i, key := range k.keys {
		ids[i] = key.id
	}
	return ids
}

// InUse returns the key that the file names for sealing.
func (k *Keyring) InUse() *Key { return k.use }

// SendsPlain reports whether datagrams leave as they are.
func (k *Keyring) SendsPlain() bool { return k.sendPlain }

// AcceptsPlain reports whether plain datagrams are accepted.
func (k *Keyring) AcceptsPlain() bool { return k.acceptPlain }
