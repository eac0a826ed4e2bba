//go:build race

package sim

// defaultSeeds is small because the race detector finds nothing in a run with one goroutine.
const defaultSeeds = 60
