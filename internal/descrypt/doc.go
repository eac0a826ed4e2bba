// Package descrypt checks passwords against traditional 13-character DES crypt(3) hashes, which
// spread.access_pword contains (client-protocol §4.4).
//
// A hash is two characters of salt and eleven of result, all from the alphabet ./0-9A-Za-z. The
// result is a block of zeros, encrypted 25 times by DES with the password as key. Each of the 12
// bits of the salt swaps two bits of the expansion E in every round.
//
// # Why it is here
//
// The standard library's DES has no place for a salt, golang.org/x/crypto has only bcrypt of the
// crypt(3) schemes, and the C library would require cgo. Collections of the schemes in pure Go
// exist, but few include DES (github.com/sergeymakinen/go-crypt does). This daemon needs one
// scheme, which has not changed since 1979. The tables of FIPS 46-3 with about a hundred lines
// around them are easier to maintain than such a dependency.
//
// The scheme is legacy. It keeps existing password files working; it is not protection. Anyone who
// reads the file can find the passwords, because a search of 56-bit keys is feasible on rented
// hardware, and on the wire passwords are in clear anyway.
//
// # What it guarantees
//
// [Verify] accepts exactly the passwords for which crypt(3) returns the stored hash, and its
// comparison takes constant time. No input panics. There is no shared state, so several goroutines
// may call it.
//
// # What it does not guarantee
//
//   - Only the low seven bits of the first eight bytes of a password count, up to a NUL byte, as in
//     C: "password" and "password1" match the same hash.
//   - The tables are indexed by secret bits, so a process that shares the processor's caches may
//     learn about them.
//   - An unknown user is detected faster than a wrong password, unless the caller verifies against
//     some hash for unknown users too.
//   - It does not limit guessing.
//   - It reads no other scheme: neither $id$ hashes, nor the 20-character extended ones that start
//     with an underscore, nor longer ones for passwords beyond eight bytes.
//
// # Limits
//
// A hash has 13 bytes, a password any number. A check takes well under a millisecond. The code is
// written to be read next to the standard.
//
// # How to debug
//
// Where the C library still has the scheme, Perl prints the hash of a password and a salt:
//
//	perl -e 'print crypt("secret", "ab"), "\n"'     # abNANd1rDfiNc
//
// If the tables are in doubt: the tests compare the cipher without salt with crypto/des.
//
// # References
//
//   - FIPS PUB 46-3, Data Encryption Standard, 1999: all tables and their names.
//   - R. Morris and K. Thompson, Password Security: A Case History, 1979: the scheme and the
//     reasons for the salt.
//   - NBS Special Publication 500-20, 1980: known answers for the cipher.
package descrypt
