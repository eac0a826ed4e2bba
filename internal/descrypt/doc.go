// Package descrypt checks passwords against traditional 13 character DES
// crypt(3) hashes, the form that spread.access_pword holds them in
// (client-protocol §4.4).
//
// A hash is two characters of salt and eleven of result, all from the alphabet
// ./0-9A-Za-z. The result is a block of zeros, enciphered 25 times by DES with
// the password as key, where each of the 12 bits of the salt swaps two bits of
// the expansion E in every round.
//
// # Why it is here
//
// The standard library's DES has no place to put a salt, golang.org/x/crypto has
// of the crypt(3) schemes only bcrypt, and the C library would end the build
// without cgo. Collections of the schemes in pure Go exist, of which few include
// DES (github.com/sergeymakinen/go-crypt does). This daemon needs a single
// scheme that has not changed since 1979, and the tables of FIPS 46-3 with some
// hundred lines around them are less to keep than such a dependency.
//
// The scheme is legacy. It is offered so that an existing password file goes on
// working, not as protection: whoever reads the file finds the passwords, since
// 56 bits of key fall to a search on hardware that anyone can rent, and on the
// wire they are in clear anyway.
//
// # What it guarantees
//
// [Hash] gives what crypt(3) gives for every password and every valid salt.
// [Verify] accepts exactly the passwords for which that is the stored hash, and
// compares without giving away by its time how much of the hash was right. No
// input panics. Errors never hold a password or a hash, so they may be logged.
// The functions share no state and may be called by several goroutines.
//
// # What it does not guarantee
//
//   - Only the low seven bits of the first eight bytes of a password count, up
//     to a NUL byte, as in C: "password" and "password1" match the same hash.
//   - The tables are indexed by secret bits, so somebody who shares the
//     processor's caches may learn of them.
//   - An unknown user is found out faster than a wrong password, unless the
//     caller verifies against some hash for him too.
//   - It does not limit how often somebody may guess.
//   - It reads no other scheme: neither $id$ hashes, nor the 20 character
//     extended ones that start with an underscore, nor longer ones for
//     passwords beyond eight bytes.
//
// # Limits
//
// A salt is 2 bytes, a hash 13, a password of any length. A check takes well
// under a millisecond; it is written to be read next to the standard.
//
// # How to debug
//
// Where the C library still has the scheme, Perl tells what it makes of a
// password and a salt:
//
//	perl -e 'print crypt("secret", "ab"), "\n"'     # abNANd1rDfiNc
//
// [Validate] tells what is wrong with a stored hash. If the tables are in doubt,
// the tests compare the cipher without salt with crypto/des.
//
// # References
//
//   - FIPS PUB 46-3, Data Encryption Standard, 1999: all tables and their names.
//   - R. Morris and K. Thompson, Password Security: A Case History, 1979: the
//     scheme and the reasons for the salt.
//   - NBS Special Publication 500-20, 1980: known answers for the cipher.
package descrypt
