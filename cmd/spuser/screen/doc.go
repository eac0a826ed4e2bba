// Package screen shows groups on a full screen: the groups, the members of the one under the cursor,
// views as a timeline with their causes, and messages.
//
// [Display] is a model of Bubble Tea, as in logmon: it gets keys and events and returns the content of
// the screen, so that tests compare screens as text.
//
// # What it guarantees
//
//   - No line is wider and no screen is higher than the terminal, whatever messages contain.
//   - Nothing from the network reaches the terminal raw (package show).
//   - Color is never the only sign of something, and NO_COLOR is respected.
//
// # Limits
//
// The last 500 views and messages are kept, and the first 500 bytes of a payload.
package screen
