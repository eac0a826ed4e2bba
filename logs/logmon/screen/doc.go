// Package screen shows the traffic on a terminal: a live screen ([Run]), lines for logs and scripts
// ([Line]), and one page of text ([Report]).
//
// [Model] is a model of Bubble Tea: it gets keys and views and returns the content of the screen,
// so that tests compare screens as text. That is why Bubble Tea was chosen over tview and tcell,
// and because it is the best maintained of them.
//
// # What it guarantees
//
//   - No line is wider and no screen is higher than the terminal, whatever the logs contain. Width
//     is counted in cells, with wide and combining characters.
//   - Only visible text from logs reaches the terminal (package traffic).
//
// # Colors
//
// Colors are the 16 of the terminal, which decides on the contrast. NO_COLOR is respected. Color is
// never the only sign of something.
//
// # Limits
//
// Lists have 200 rows. The screen requests a view each second, which takes a few milliseconds with
// full tables.
//
// # How to debug
//
// The golden screens are in testdata. go test -rewrite updates them.
package screen
