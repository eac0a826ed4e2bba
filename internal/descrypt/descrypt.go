package descrypt

import (
	"crypto/subtle"
	"strings"
)

// Sizes in bytes. The scheme fixes them.
const (
	// SaltLen is the length of a salt, which begins a hash.
	SaltLen = 2
	// HashLen is the length of a hash: the salt, and 64 bits at 6 bits a character.
	HashLen = SaltLen + (64+5)/6
	// PasswordLen is how many bytes of a password count.
	PasswordLen = 8
)

// iterations is how often the block is encrypted, which slowed down guessing on the machines of
// 1979.
const iterations = 25

// alphabet is the 64 digits of salts and hashes, in the order of their values.
const alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// padBits is the number of bits by which the characters of a result exceed its 64.
const padBits = 6*(HashLen-SaltLen) - 64

// Hash returns the hash of a password, [HashLen] characters that begin with the salt. The salt must
// be [SaltLen] characters from ./0-9A-Za-z, otherwise the error is a [*FormatError]. To use the
// salt of a stored hash, cut it off first. Only the low seven bits of the first [PasswordLen] bytes
// of the password count, up to a NUL byte.
func Hash(password, salt string) (string, error) {
	if err := validate("salt", salt, SaltLen); err != nil {
		return "", err
	}
	c := newCipher(key(password), saltBits(salt))
	var block uint64
	for range iterations {
		block = c.encrypt(block)
	}
	return salt + encode(block), nil
}

// Verify returns nil if the hash is that of the password, [ErrMismatch] if it is that of another
// one, and a [*FormatError] if it is not a hash. How long it takes does not depend on how much of a
// well-formed hash matches.
func Verify(password, hash string) error {
	if err := Validate(hash); err != nil {
		return err
	}
	got, err := Hash(password, hash[:SaltLen])
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(got), []byte(hash)) != 1 {
		return ErrMismatch
	}
	return nil
}

// Validate returns a [*FormatError] if no password can have the hash. It lets a password file be
// checked when it is read, rather than when a user logs in.
func Validate(hash string) error {
	if err := validate("hash", hash, HashLen); err != nil {
		return err
	}
	last := HashLen - 1
	if strings.IndexByte(alphabet, hash[last])&(1<<padBits-1) != 0 {
		return &FormatError{What: "hash", Offset: last, Err: ErrPadding}
	}
	return nil
}

// validate checks that s consists of n characters of the alphabet. what says whether s is a salt or
// a hash.
func validate(what, s string, n int) error {
	if len(s) != n {
		return &FormatError{What: what, Offset: len(s), Err: ErrLength}
	}
	for i := range n {
		if strings.IndexByte(alphabet, s[i]) < 0 {
			return &FormatError{What: what, Offset: i, Err: ErrAlphabet}
		}
	}
	return nil
}

// key makes a DES key of a password: seven bits of each byte, above the parity bit, which DES
// ignores. Missing bytes are zero.
func key(password string) uint64 {
	password, _, _ = strings.Cut(password, "\x00")
	var k uint64
	for i := range min(len(password), PasswordLen) {
		k |= uint64(password[i]&0x7f) << 1 << (8 * (PasswordLen - 1 - i))
	}
	return k
}

// saltBits returns the 12 bits of a valid salt. The first character is the low six.
func saltBits(salt string) uint16 {
	return uint16(strings.IndexByte(alphabet, salt[0]) | strings.IndexByte(alphabet, salt[1])<<6)
}

// encode writes a block from its most significant bit on, six bits a character. The last character
// is padded with zeros.
func encode(block uint64) string {
	var out [HashLen - SaltLen]byte
	out[len(out)-1] = alphabet[block<<padBits&0x3f]
	block >>= 6 - padBits
	for i := len(out) - 2; i >= 0; i-- {
		out[i] = alphabet[block&0x3f]
		block >>= 6
	}
	return string(out[:])
}
