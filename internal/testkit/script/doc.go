// Package script runs tests that are stories: files of commands with the full output of each,
// readable from top to bottom.
//
//	# What this story is about.
//	join alice grp
//	send bob grp "hello"
//	----
//	alice <- AGREED from bob ...
//
// A block is one or more lines of commands, a line of four dashes and the expected output, which
// ends at an empty line; "ok" stands for no output. Lines that begin with '#' are comments. With
// the flag -rewrite the files are written with the present output (package golden).
//
// It guarantees that a file that is not reproduced to the letter fails its test. It does not know
// any commands: these are the test's.
package script
