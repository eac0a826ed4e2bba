package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/sys/cpu"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/wire"
)

// secretLen is the length of a key's secret in bytes.
const secretLen = 32

// Cipher is an algorithm. It belongs to a key, and every daemon understands all.
type Cipher uint8

// The algorithms, by their names in keys.
const (
	AES    Cipher = iota // AES-256-GCM
	ChaCha               // ChaCha20-Poly1305
)

func cipherNames() []string { return []string{"aes-256-gcm", "chacha20-poly1305"} }

// String returns the algorithm's name in a key.
func (c Cipher) String() string { return cipherNames()[c] }

// ParseCipher reads what String returns.
func ParseCipher(name string) (Cipher, error) {
	for i, n := range cipherNames() {
		if n == name {
			return Cipher(i), nil
		}
	}
	return 0, fmt.Errorf("want %s, not %q", conf.OneOf(cipherNames()), name)
}

// FastCipher returns the algorithm that this processor is faster with: AES if it has instructions
// for it.
func FastCipher() Cipher {
	switch runtime.GOARCH {
	case "amd64", "386":
		if cpu.X86.HasAES && cpu.X86.HasPCLMULQDQ {
			return AES
		}
	case "arm64":
		if runtime.GOOS == "darwin" || cpu.ARM64.HasAES && cpu.ARM64.HasPMULL {
			return AES
		}
	case "s390x":
		if cpu.S390X.HasAESGCM {
			return AES
		}
	}
	return ChaCha
}

// KeyID identifies a key without revealing it. Zero is no key.
type KeyID uint32

// String returns the id in eight hexadecimal digits.
func (id KeyID) String() string { return fmt.Sprintf("%08x", uint32(id)) }

// ParseKeyID reads what String returns.
func ParseKeyID(text string) (KeyID, error) {
	n, err := strconv.ParseUint(text, 16, 32)
	if err != nil || len(text) != 8 {
		return 0, fmt.Errorf("want a key id of eight hexadecimal digits, not %q", text)
	}
	return KeyID(n), nil
}

// MarshalText returns what String returns.
func (id KeyID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// Key is a key of the ring.
type Key struct {
	cipher Cipher
	id     KeyID
	secret [secretLen]byte
}

// NewKey makes a key from a source of random bytes.
func NewKey(c Cipher, random io.Reader) (*Key, error) {
	k := &Key{cipher: c}
	if _, err := io.ReadFull(random, k.secret[:]); err != nil {
		return nil, fmt.Errorf("cannot read random bytes: %w", err)
	}
	return k, k.identify()
}

// ParseKey reads what Text returns.
func ParseKey(text string) (*Key, error) {
	name, secret, _ := strings.Cut(text, ":")
	k := new(Key)
	var err error
	if k.cipher, err = ParseCipher(name); err != nil { // Its error may quote a part of the key.
		return nil, fmt.Errorf("a key begins with %s and a colon; make one with spreadd -genkey", conf.OneOf(cipherNames()))
	}
	b, err := base64.StdEncoding.Strict().DecodeString(secret)
	if err != nil || len(b) != secretLen {
		return nil, fmt.Errorf("a key ends with %d bytes in base64 (44 characters); make one with spreadd -genkey", secretLen)
	}
	copy(k.secret[:], b)
	return k, k.identify()
}

// identify computes the key's id.
func (k *Key) identify() error {
	b, err := hkdf.Key(sha256.New, k.secret[:], nil, "spreadd key id", 4)
	if err != nil {
		return err
	}
	if k.id = KeyID(binary.BigEndian.Uint32(b)); k.id == 0 {
		return errors.New("the key has the reserved id 0; make another one")
	}
	return nil
}

// ID returns the key's id.
func (k *Key) ID() KeyID { return k.id }

// Text returns the key as it is written in a file. It is secret.
func (k *Key) Text() string {
	return k.cipher.String() + ":" + base64.StdEncoding.EncodeToString(k.secret[:])
}

// String returns the algorithm and the id, which are not secret.
func (k *Key) String() string { return k.cipher.String() + " " + k.id.String() }

// origin is a sender in one life of its process.
type origin struct {
	role Role
	id   wire.DaemonID
	addr netip.Addr
	boot uint64
}

// derive returns the AEAD for the datagrams of one sender's life.
func (k *Key) derive(o origin) (cipher.AEAD, error) {
	info := []byte("spreadd seal 1")
	info = append(info, byte(o.role))
	info = binary.BigEndian.AppendUint32(info, uint32(o.id))
	addr := o.addr.WithZone("").As16()
	info = append(info, addr[:]...)
	salt := binary.BigEndian.AppendUint64(nil, o.boot)
	secret, err := hkdf.Key(sha256.New, k.secret[:], salt, string(info), secretLen)
	if err != nil {
		return nil, err
	}
	if k.cipher == ChaCha {
		return chacha20poly1305.New(secret)
	}
	b, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(b)
}
