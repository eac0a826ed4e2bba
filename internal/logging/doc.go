// Package logging makes the log of a program: as text or as JSON, and with the priorities that journald
// reads if it is what reads standard error.
//
// The text is that of a handler that the program chooses; JSON and priorities are the same for all
// programs. A line is written whole.
//
// References: docs/operate/operations.md; sd-daemon(3); systemd.exec(5), JOURNAL_STREAM.
package logging
