// Package integration tests the programs as they are shipped, with real servers around them. It
// contains only tests. Besides the programs it uses package spread, as any client does.
//
// A test that needs a program that is not installed is skipped and reports what it needs. With
// SPREADD_FORBID_SKIP=1, as in CI, it fails instead.
package integration
