//go:build race

package transport

// underRace says that pools drop objects at random, so allocations cannot be counted.
const underRace = true
