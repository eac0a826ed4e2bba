// Package commandsink writes lines to the standard input of a command, which the shell runs.
//
//	batch ──▶ pipe (64 KiB in the kernel) ──▶ /bin/sh -c COMMAND
//
// # Guarantees
//
//   - The command is started again when it ends by itself, after 100 ms at first and 30 s at most,
//     and on [Sink.Reopen]. Then the old process sees the end of its input and may take its time.
//   - A line that a process received only in part is written whole to the next process.
//   - A command that does not read delays its own lines only: a write waits for one second at most.
//   - No process is left behind by Close: after [Options.EndWait] it is asked to end, and after
//     that time again, killed.
//
// # Limits
//
// Lines that a process received but did not process before it ended are lost, because nobody knows
// about them; up to 64 KiB are in the pipe.
//
// # References
//
// docs/spec/spreadlogd.md §12.
package commandsink
