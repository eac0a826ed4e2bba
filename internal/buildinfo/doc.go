// Package buildinfo returns the version, commit and date that a program was built from.
//
// They come from the flags -X of the linker, which deploy/release sets, otherwise from what the go
// command recorded. A program that was built outside of a module or a repository lacks some of them.
package buildinfo
