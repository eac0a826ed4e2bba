//go:build !race

package ring

// raceEnabled says that the race detector is on: pools drop blocks at random then, and everything
// takes twenty times as long.
const raceEnabled = false
