//go:build race

package cli

// race reports whether the race detector is on, which takes memory.
const race = true
