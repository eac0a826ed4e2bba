// Package logsim is a simulator that runs logpub and logsub as they are: lines in at one end, log
// files out at the other, while everything between them fails. It has only tests.
//
//	go test ./logs/logsim                                          # 60 seeds, and planted faults
//	go test ./logs/logsim -run Seeds -first 1000 -seeds 100000     # others
//	go test ./logs/logsim -run Seeds -first 1000 -for 30m          # as many as fit
//	go test ./logs/logsim -run Seeds -v -seed 4711                 # one seed, with its log
//
// # A run
//
// A run is a bubble of testing/synctest, so that minutes cost milliseconds. It has two or three web
// hosts, each with a logpub, and one to three log hosts, each with a logsub. Each host has a daemon of
// package spreadtest and a disk of package crashfs. A seed determines the plan: settings, lines, and
// faults. Processes are killed at any step that they do on the disk, and come back. Hosts lose power.
// Daemons die with what they have not sent. The network splits. Disks are full. Inputs are rotated,
// files are reopened, and readers are dropped.
//
// At the end all is well again, until every line is acknowledged and all log hosts have the same files.
// Then the programs are stopped, and the files are checked: each line that a web server wrote is in the
// files of each log host once, the files are equal to the byte, and logsub -verify would find nothing.
//
// Lines come from files or from a pipe. Of a pipe, a logpub that is killed may lose what it read within
// the last [logpub.DefaultSpoolAfter]; nothing else may be lost.
//
// # What it does not
//
// The seed determines the plan. It does not determine how goroutines are scheduled, which only the Go
// runtime knows. So a plan is run several times before it counts as passing when a failure is shrunk.
//
// # How to debug
//
// A failure is shrunk: faults, lines and hosts are left out as long as it still fails. What is left is
// printed as a story. With -v and -seed, the log of all programs is printed, too.
//
// # References
//
// docs/logs/guarantees.md, docs/spec/log-protocol.md, docs/develop/testing.md.
package logsim
