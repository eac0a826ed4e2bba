// Package buildinfo returns the version of the module that a program was built from, if the
// build recorded one.
package buildinfo
