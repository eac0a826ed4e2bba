// Command soak runs rings in the simulator (package sim) from one seed after
// another, for as long as it is told, or replays one seed with its timeline.
//
//	go run ./sim/cmd/soak -for 30m -first 1000000
//	go run ./sim/cmd/soak -seed 4711
//
// It prints each seed that fails with what came before, a line of counts now and then, and at the
// end how often each rare situation came about. Its status is 1 if a seed failed, or if after
// 20,000 seeds a situation was never met, and 2 for wrong flags.
package main
