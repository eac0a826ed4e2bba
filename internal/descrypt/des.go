package descrypt

import "math/bits"

// cipher is DES (FIPS 46-3) for one key, with an expansion E that a salt changes. With salt 0 it is
// plain DES.
//
// Blocks and keys are numbers whose most significant bit is bit 1 of the standard.
type cipher struct {
	roundKeys [16]uint64 // K1 … K16, 48 bits each
	swap      uint64     // low 24 bits: where the halves of E(R) change places
}

// newCipher makes the key schedule. It ignores the parity bits of key, the lowest of each byte, and
// uses the low 12 bits of salt.
func newCipher(key uint64, salt uint16) *cipher {
	c := &cipher{}
	cd := choose(key, 64, permutedChoice1[:])
	left, right := uint32(cd>>28), uint32(cd&mask28)
	for i, n := range keyShifts {
		left, right = rotate28(left, n), rotate28(right, n)
		c.roundKeys[i] = choose(uint64(left)<<28|uint64(right), 56, permutedChoice2[:])
	}
	// Salt bit i, counted from the lowest, swaps the bits i+1 and i+25 of E(R), counted from the
	// highest.
	c.swap = uint64(bits.Reverse32(uint32(salt&0xfff)) >> 8)
	return c
}

const mask28 = 1<<28 - 1

// rotate28 rotates a 28-bit number left by n bits.
func rotate28(x uint32, n int) uint32 {
	return (x<<n | x>>(28-n)) & mask28
}

// encrypt encrypts one block.
func (c *cipher) encrypt(block uint64) uint64 {
	b := choose(block, 64, initialPermutation[:])
	left, right := uint32(b>>32), uint32(b)
	for _, k := range c.roundKeys {
		left, right = right, left^c.feistel(right, k)
	}
	// The halves are not swapped in the last round, so right comes first.
	return choose(uint64(right)<<32|uint64(left), 64, finalPermutation[:])
}

// feistel is f(R, K) of the standard.
func (c *cipher) feistel(r uint32, k uint64) uint32 {
	x := c.expand(r) ^ k
	var s uint64
	for i := range sBoxes {
		six := x >> (42 - 6*i) & 0x3f
		row, column := six>>4&2|six&1, six>>1&0xf
		s = s<<4 | uint64(sBoxes[i][row][column])
	}
	return uint32(choose(s, 32, permutationP[:]))
}

// expand is E(R), with the bits swapped that the salt selects.
func (c *cipher) expand(r uint32) uint64 {
	e := choose(uint64(r), 32, expansion[:])
	differ := (e>>24 ^ e) & c.swap
	return e ^ differ ^ differ<<24
}

// choose builds a number from bits of x, the most significant first. The table numbers them as the
// standard does: 1 is the highest of the width bits of x.
func choose(x uint64, width int, table []uint8) uint64 {
	var out uint64
	for _, n := range table {
		out = out<<1 | x>>(width-int(n))&1
	}
	return out
}
