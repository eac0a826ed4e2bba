//go:build !race

package ring

// raceEnabled reports that the race detector is on. Then pools drop blocks at random, and
// everything takes twenty times as long.
const raceEnabled = false
