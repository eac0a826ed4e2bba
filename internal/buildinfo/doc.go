// Package buildinfo returns the version of the module that a program was built from. A program that
// was built outside of a module has no version.
package buildinfo
