// Package testskip lets a test pass over what this machine lacks, without letting
// it do so in CI.
//
// A test that needs a program which is not installed, such as a web server, calls
// [Skip] with a reason that ends with how to install it. On a contributor's machine it is then
// skipped, and says so. With [Variable] set to 1, as .ci/run does, it fails instead:
// nothing is skipped there unnoticed.
//
// It does not look for anything itself, and it is not for inputs that a fuzz
// target cannot use; those call t.Skip.
package testskip
