// Command soak runs the simulator (package sim) on one seed after another, for a given time, or
// replays one seed with its timeline.
//
//	go run ./sim/cmd/soak -for 30m -first 1000000
//	go run ./sim/cmd/soak -seed 4711
//
// It prints each failing seed with what happened before, a line of counts from time to time, and at
// the end how often each rare situation occurred. Its exit status is 1 if a seed failed, or if a
// situation never occurred in 20,000 seeds, and 2 for wrong flags.
package main
