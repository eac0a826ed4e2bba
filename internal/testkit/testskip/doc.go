// Package testskip skips tests that need something this machine lacks, except in CI.
//
// A test that needs a program, such as a web server, calls [Skip] with a reason that says how to
// install it. On a contributor's machine the test is skipped. With [Variable] set to 1, as .ci/run
// does, it fails instead, so that CI skips nothing unnoticed.
//
// It is not for inputs that a fuzz target cannot use; those call t.Skip.
package testskip
