// Package testprog helps tests that run a program, or a part of it, beside themselves: [Output]
// collects what the program prints and can be read while it runs, and [Wait] waits for something to
// happen.
package testprog
