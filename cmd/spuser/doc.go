// Command spuser joins groups and shows what happens in them, live. Its commands, prompts and
// output are those of the spuser of Spread 5.0.1, so that sessions in old tutorials still read the
// same.
//
//	spuser tail logs                watch a group; spuser -h lists the other commands
//	spuser                          connect to the daemon on this host
//	spuser -s 4803@web1 -u watch    connect to another daemon, with a name of your choice
//	spuser -json <commands          print one JSON object for each event, for scripts
//
// Type j logs to watch the group logs, and q to quit.
//
// The exit status is 0, 1 if spuser cannot connect or loses the connection, 2 for a wrong command
// line.
//
// # Where things are
//
//   - Here is the prompt of the original: run.go, command.go, text.go, and the consoles.
//   - oneshot has the commands such as spuser tail, one file each.
//   - screen is the full screen of spuser screen, which fullscreen.go starts.
//   - recording is the format of -json and of recordings, and compares them.
//   - show makes text of events, and keeps what is hostile from the terminal.
//   - client connects.
//
// # What it adds
//
//   - On a terminal you can edit and recall lines, and events are printed above the line that you
//     are typing. Commands (not messages) are kept in $XDG_STATE_HOME/spuser/history, or in
//     ~/.local/state.
//   - With -k it connects again when the connection is lost, joins its groups again, and shows
//     both. A private name that is taken gets a suffix then.
//   - With -json each event is one JSON object on one line ([recording.Event]); the commands stay the same.
//
// # What differs from the original
//
//   - The exit status shows failures; that of the original is always 0.
//   - A burst is padded with the alphabet instead of leftover memory.
//   - A line of more than 199 bytes for s is cut, with a note. The rest is not taken for a command.
//   - A message that is rejected for its groups or size ends only that command, not the program.
//   - Views of more than 100 members or 10 virtual synchrony sets are printed in full, where the
//     original gives up.
//   - Control characters in payloads are shown in Go's notation, so that a stranger's message
//     cannot control the terminal.
//   - -n and -p always work, where the original needs a special build.
//
// # What it does not guarantee
//
// spuser does not receive while it asks for a message and while asynchronous reading is off. A
// daemon drops a client that leaves 1000 messages unread. A message counts as sent when the
// connection has accepted it; only members see that it was delivered.
//
// # Limits
//
// Messages are shown, and can be typed, up to 102400 bytes. A line of input has at most 128 KiB
// (4096 characters on a terminal); the rest is skipped. Connecting takes at most 5 s. The history
// has 500 lines. Line editing assumes one column for each character, and checks the width of the
// terminal when it prints a prompt or an event.
//
// # Debugging
//
// With -json an error shows its code and cause, and sent messages are recorded beside received
// ones.
//
// References: docs/spec/daemon-operations.md §9 and §13, docs/spec/client-protocol.md.
package main
