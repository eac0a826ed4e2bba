// Package commandsink writes lines to the standard input of a command, which the shell runs.
//
//	batch ──▶ pipe (64 KiB in the kernel) ──▶ /bin/sh -c COMMAND
//
// # Guarantees
//
//   - The command is started again when it ends by itself, after 100 ms at first and 30 s at most,
//     and on [Sink.Reopen]. Then the old process sees the end of its input and may take its time.
//     It is also replaced if it closes its input while lines wait.
//   - A line is acknowledged once a process has read it. If the process ends before, the next one
//     gets it, whole. Lines in the pipe at a [Sink.Reopen] are left to the old process; what it
//     does not read is counted as lost.
//   - Each end of a process that was not asked for, failed or lost lines is logged.
//   - A command that does not read delays its own lines only: a write waits for one second at most.
//   - No process is left behind by Close: after [Options.EndWait] it is asked to end, and after
//     that time again, killed.
//
// # Limits
//
// Lines that a process has read but not processed before it ended are lost, because nobody knows
// about them. Only Linux says what a pipe holds. Elsewhere what is in the pipe counts as read, up
// to 64 KiB.
//
// # References
//
// docs/spec/spreadlogd.md §12.
package commandsink
