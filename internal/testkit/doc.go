// Package testkit has what the tests of several packages need: output to read while it is being
// written, and waiting for a condition.
package testkit
