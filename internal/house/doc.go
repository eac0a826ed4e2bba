// Package house checks the rules of this repository that no linter checks: pure
// machines, map order, the exported API, references that lead nowhere, and plain language.
//
// # What it guarantees
//
// go test ./internal/house fails when the tree breaks a rule of [Rules], and names the file, the
// line and what to do. A second test plants violations in trees in memory, each beside a
// counterpart that is in order. It fails when a violation goes unseen, when correct code is
// reported, or when a rule has no planted violation.
//
// TestAPI compares what spread, spread/spreadtest and wire export with the lists in .ci/api.
// After a change on purpose, write them with: go test ./internal/house -run API -rewrite
//
// The phrases that the rule "language" refuses are in retired.txt.
//
// # What it does not
//
// The rules read the source, not the program. That a machine is pure means that its own files
// start and call nothing that differs from run to run. What a machine may import is a rule of
// depguard in .golangci.yml, together with the layers.
//
// # Waivers
//
// Two rules can be waived for one line, by a comment at its end that gives the reason:
//
//	for id := range m.sessions { //house:ordered only counts
//	time.Sleep(pause)            //house:sleep the pause between two polls
//
// A waiver without a reason, for an unknown rule, or that waives nothing is itself reported.
//
// # Limits
//
// Reading the tree and type-checking the machines takes about two seconds; files larger than 4 MiB
// are not read.
package house
