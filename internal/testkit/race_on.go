//go:build race

package testkit

// Race reports that the race detector is on. It needs memory of its own, and makes what has one
// goroutine ten times as slow without finding anything in it.
const Race = true
