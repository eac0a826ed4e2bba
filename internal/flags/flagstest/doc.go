// Package flagstest compares the flags of a program with docs/flags.md.
//
// It does not compare the flags of different programs with each other, other than by the table of
// common flags on that page.
package flagstest
