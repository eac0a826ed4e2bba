//go:build race

package sim

// defaultSeeds: the race detector finds nothing in a run that has one goroutine, so a few will do.
const defaultSeeds = 60
