// Package screen shows what logmon sees on a terminal: a screen that goes on by itself ([Run]),
// lines for logs and scripts ([Line]), and one page of text ([Report]).
//
// [Model] is a model of Bubble Tea: keys and views go in, and the content of the screen comes out,
// so that tests compare screens as text. Bubble Tea was chosen over tview and tcell for that, and
// since it is the liveliest of them: its models are machines as ours are.
//
// # What it guarantees
//
//   - No line is wider and no screen higher than the terminal, whatever is in logs: width is
//     counted in cells, with wide and combining characters.
//   - Nothing that comes from logs reaches the terminal but visible text (package traffic).
//
// # What it does not
//
// Colors are the terminal's own 16, so that it decides on contrast; NO_COLOR is respected. Nothing
// is told by color alone.
//
// # Limits
//
// Lists have 200 rows. It asks for a view each second, which takes a few milliseconds with full
// tables.
//
// # How to debug
//
// The golden screens are in testdata; go test -rewrite writes them.
package screen
