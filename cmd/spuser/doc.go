// Package spuser is the interactive client with which people look at groups:
// the commands, prompts and outputs of the program of that name that comes
// with Spread 5.0.1 (daemon-operations §9), so that sessions from old
// tutorials read the same. Command spuser is a few lines around [ParseFlags]
// and [Run].
//
// # What it adds
//
//   - On a terminal ([NewConsole]) lines can be edited and recalled, and what
//     arrives is printed above the line that is being typed. The commands,
//     not the messages, are kept for the next session ([HistoryFile]).
//   - With [Config.JSON] each event is one JSON object on one line, for
//     scripts ([Record]); the commands stay the same.
//
// # What differs from the original
//
//   - A burst is padded with the alphabet, not with what memory happens to
//     hold.
//   - A line of over 199 bytes for s is cut there, and said so; its rest is
//     not taken for a command.
//   - A message that is refused for its groups or size ends only that command,
//     not the program.
//   - Views of over 100 members or 10 virtual synchrony sets are printed
//     whole, where the original gives up.
//   - Control characters in payloads are shown in Go's notation, so that a
//     stranger's message does not drive the terminal.
//   - -n and -p work, where the original has to be built for them.
//
// # What it does not guarantee
//
// While a message is asked for, and while asynchronous reading is off, nothing
// is read: a daemon drops a client that leaves 1000 messages waiting. A message
// is sent when the connection has taken it; that it was delivered shows only to
// members.
//
// # Limits
//
// Messages of over 102400 bytes are shown up to there, and not typed longer.
// A line of input has at most 128 KiB (4096 characters on a terminal), the rest
// is skipped. The connection must come about within 5 s. The history has 500
// lines. Line editing takes each character for one column, and looks at the
// width of the terminal when it prints a prompt or an event.
//
// # Debugging
//
// With -json a failure shows its code and its cause, and what was sent is
// recorded beside what arrives.
//
// References: docs/spec/daemon-operations.md §9 and §13,
// docs/spec/client-protocol.md.
package spuser
