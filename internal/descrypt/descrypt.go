package descrypt

import (
	"crypto/subtle"
	"strings"
)

// Sizes in bytes, which the scheme fixes.
const (
	saltLen     = 2                        // begins a hash
	hashLen     = saltLen + (64+5)/6       // the salt, and 64 bits at 6 bits a character
	passwordLen = 8                        // how much of a password counts
	padBits     = 6*(hashLen-saltLen) - 64 // of the last character
)

// iterations is how often the block is encrypted, which slowed down guessing on the machines of
// 1979.
const iterations = 25

// alphabet is the 64 digits of salts and hashes, in the order of their values.
const alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Verify reports whether the hash is that of the password. It is false for what is no hash. How
// long it takes does not depend on how much of a hash with a valid salt matches.
func Verify(password, hash string) bool {
	if len(hash) != hashLen {
		return false
	}
	low, high := strings.IndexByte(alphabet, hash[0]), strings.IndexByte(alphabet, hash[1])
	if low < 0 || high < 0 {
		return false
	}
	got := hash[:saltLen] + crypt(password, uint16(low|high<<6))
	return subtle.ConstantTimeCompare([]byte(got), []byte(hash)) == 1
}

// crypt returns the hash of a password without the salt, which has 12 bits.
func crypt(password string, salt uint16) string {
	c := newCipher(key(password), salt)
	var block uint64
	for range iterations {
		block = c.encrypt(block)
	}
	return encode(block)
}

// key makes a DES key of a password: seven bits of each byte, above the parity bit, which DES
// ignores. Missing bytes are zero.
func key(password string) uint64 {
	password, _, _ = strings.Cut(password, "\x00")
	var k uint64
	for i := range min(len(password), passwordLen) {
		k |= uint64(password[i]&0x7f) << 1 << (8 * (passwordLen - 1 - i))
	}
	return k
}

// encode writes a block from its most significant bit on, six bits a character. The last character
// is padded with zeros.
func encode(block uint64) string {
	var out [hashLen - saltLen]byte
	out[len(out)-1] = alphabet[block<<padBits&0x3f]
	block >>= 6 - padBits
	for i := len(out) - 2; i >= 0; i-- {
		out[i] = alphabet[block&0x3f]
		block >>= 6
	}
	return string(out[:])
}
