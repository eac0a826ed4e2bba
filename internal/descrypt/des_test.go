package descrypt

import (
	"crypto/des"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// Known answers of NBS Special Publication 500-20 and FIPS 81, a few of each kind, and the
// extremes.
func TestKnownAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name             string
		key, plain, want uint64
	}{
		{"all zeros", 0, 0, 0x8ca64de9c1b123a7},
		{"all ones", 0xffffffffffffffff, 0xffffffffffffffff, 0x7359b2163e4edc58},
		{"initial permutation and E, first bit", 0x0101010101010101, 0x8000000000000000, 0x95f8a5e5dd31d900},
		{"initial permutation and E, last bit", 0x0101010101010101, 0x0000000000000001, 0x166b40b44aba4bd6},
		{"permuted choice, first bit of the key", 0x8001010101010101, 0, 0x95a8d72813daa94d},
		{"permuted choice, last bit of the key", 0x0101010101010102, 0, 0x869efd7f9f265a09},
		{"permutation P", 0x1046913489980131, 0, 0x88d55e54f54c97b4},
		{"substitution tables", 0x7ca110454a1a6e57, 0x01a1d6d039776742, 0x690f5b0d9a26939b},
		{"FIPS 81, Now is t", 0x0123456789abcdef, 0x4e6f772069732074, 0x3fa40e8a984d4815},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := newCipher(tt.key, 0).encrypt(tt.plain); got != tt.want {
				t.Errorf("key %016x, block %016x: %016x, want %016x", tt.key, tt.plain, got, tt.want)
			}
		})
	}
}

// reference encrypts a block with the standard library.
func reference(t testing.TB, key, block uint64) uint64 {
	t.Helper()
	c, err := des.NewCipher(binary.BigEndian.AppendUint64(nil, key))
	if err != nil {
		t.Fatal(err)
	}
	var out [8]byte
	c.Encrypt(out[:], binary.BigEndian.AppendUint64(nil, block))
	return binary.BigEndian.Uint64(out[:])
}

// Without salt the cipher is DES for all keys and blocks.
func TestNoSaltIsDES(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(46, 3))
	for range 2000 {
		key, block := r.Uint64(), r.Uint64()
		if got, want := newCipher(key, 0).encrypt(block), reference(t, key, block); got != want {
			t.Fatalf("key %016x, block %016x: %016x, want %016x", key, block, got, want)
		}
	}
}

// Each single bit of key and block is in its place.
func TestNoSaltIsDESBitByBit(t *testing.T) {
	t.Parallel()
	for i := range 64 {
		bit := uint64(1) << i
		if got, want := newCipher(bit, 0).encrypt(0), reference(t, bit, 0); got != want {
			t.Errorf("key %016x, block 0: %016x, want %016x", bit, got, want)
		}
		if got, want := newCipher(0, 0).encrypt(bit), reference(t, 0, bit); got != want {
			t.Errorf("key 0, block %016x: %016x, want %016x", bit, got, want)
		}
	}
}

// The tables are permutations where the standard says so, and the last undoes the first.
func TestTables(t *testing.T) {
	t.Parallel()
	for i, n := range finalPermutation {
		if got := initialPermutation[n-1]; int(got) != i+1 {
			t.Errorf("bit %d goes to %d and comes back from %d", got, n, i+1)
		}
	}
	var seen uint64
	for _, n := range permutationP {
		seen |= 1 << (n - 1)
	}
	if seen != 1<<32-1 {
		t.Errorf("P reaches the bits %032b only", seen)
	}
	for i, box := range sBoxes {
		for j, row := range box {
			var seen uint16
			for _, v := range row {
				seen |= 1 << v
			}
			if seen != 1<<16-1 {
				t.Errorf("S%d, row %d holds the values %016b only", i+1, j, seen)
			}
		}
	}
}

// "Each of the 12 bits of the salt swaps two bits of the expansion": bit i+1 with bit i+25, and
// nothing else.
func TestSaltSwapsBitsOfE(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(12, 25))
	for i := range 12 {
		salted, plain := newCipher(0, 1<<i), newCipher(0, 0)
		high, low := 48-(i+1), 48-(i+25)
		for range 50 {
			word := r.Uint32()
			want := plain.expand(word)
			a, b := want>>high&1, want>>low&1
			want = want&^(1<<high|1<<low) | b<<high | a<<low
			if got := salted.expand(word); got != want {
				t.Fatalf("salt bit %d, E(%08x) = %048b, want %048b", i, word, got, want)
			}
		}
	}
}

// Only 12 bits of the salt count, and each of them changes the result.
func TestSaltBits(t *testing.T) {
	t.Parallel()
	const key, block = 0x133457799bbcdff1, 0x0123456789abcdef
	plain := newCipher(key, 0).encrypt(block)
	for i := range 16 {
		got := newCipher(key, 1<<i).encrypt(block)
		if differs := got != plain; differs != (i < 12) {
			t.Errorf("salt bit %d changes the result: %v, want %v", i, differs, i < 12)
		}
	}
	if n := bits.OnesCount64(newCipher(key, 0xffff).swap); n != 12 {
		t.Errorf("a salt of ones swaps %d pairs of bits, want 12", n)
	}
}
