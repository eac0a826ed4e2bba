// Package oneshot has the commands of spuser that do one thing: tail, send, members, ping, record,
// replay and diff.
//
//	for _, c := range oneshot.Commands() { ... }
//
// Each command is a file: its flags and its run. [Command.Main] parses the arguments, runs the
// command and returns the exit status: 0, 1 for a failure (diff: the recordings differ), 2 for a
// wrong command line (diff: or nothing to compare).
//
// # What it guarantees
//
// With -json each line of standard output is one JSON object. Nothing from the network reaches a
// terminal raw (package show). A command that watches connects again when it loses the daemon, joins
// its groups again, and shows both.
package oneshot
