//go:build race

package crashfs

// raceEnabled reports that the race detector is on. It finds nothing in most of these runs, which
// have one goroutine, and makes them ten times as long.
const raceEnabled = true
