// Package integration tests the programs as they are shipped, with real servers around them. It has
// no code of its own.
//
// A test that needs a program which is not installed is skipped and says what it needs; with
// SPREADD_FORBID_SKIP=1, as in CI, it fails.
package integration
