// Package buildinfo tells which version of the module a program was built from, as far as
// the build knows it: one that was made outside of a module says that it does not.
package buildinfo
