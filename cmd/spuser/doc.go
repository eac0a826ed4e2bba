// Command spuser joins groups and shows what happens in them.
//
//	spuser                          the daemon on this host
//	spuser -s 4803@web1 -u watch    another, by a name of one's own
//	spuser -json <commands          one JSON object an event, for scripts
//
// Commands, prompts and outputs are those of the program of that name that comes
// with Spread: type j logs to see what is sent to the group logs, and q to quit. Package
// spuser tells of each and of what differs. On a terminal the arrow keys edit and
// recall lines; the commands are kept in $XDG_STATE_HOME/spuser/history, or in
// ~/.local/state.
//
// The status is 0, as ever, also for a wrong command line; only with -json it
// is 1 if the connection did not come about or was lost.
package main
