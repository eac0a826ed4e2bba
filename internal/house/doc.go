// Package house keeps the rules of this repository that neither the compiler
// nor a linter keeps, and proves that each of them bites.
//
// # What it guarantees
//
// go test ./internal/house fails when the tree breaks a rule of [Rules], and names the file, the
// line and what to do. A second test plants one violation after another in trees
// in memory, each beside a counterpart that is in order, and fails when a
// violation goes unseen, an innocent is blamed, or a rule has no planted
// violation at all.
//
// # What it does not
//
// The rules read the source, not the program. That a machine is pure means that
// its own files import, start and call nothing that differs from run to run; what
// it calls in wire, internal/buf and internal/clock is trusted. That test data is used means
// that a test names it, not that it is compared with something.
//
// # Waivers
//
// Two rules can be waived for one line, by a comment at its end that gives the
// reason:
//
//	for id := range m.sessions { //house:ordered only counts
//	time.Sleep(pause)            //house:sleep the pause between two polls
//
// A waiver without a reason, for an unknown rule, or that waives nothing is itself
// a finding.
//
// # How to add a package
//
// Give it a doc.go, and a row in the table in layers.go, where the rows stand
// bottom up: a package may import only what stands above it there.
//
// # Limits
//
// Reading and type-checking the tree takes about two seconds; files above 4 MiB
// are not read.
package house
