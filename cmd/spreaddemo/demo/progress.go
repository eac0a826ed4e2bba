package demo

import (
	"fmt"
	"io"
	"time"
)

// showInterval is between two lines of progress where they stay.
const showInterval = time.Second

// progress is the line that says how far it is.
type progress struct {
	out      io.Writer
	terminal bool
	shown    time.Time
	open     bool // a line without its newline stands there
}

// show tells how many lines have been sent and have arrived everywhere. On a
// terminal that is one line that changes, else a line now and then.
func (p *progress) show(sent, arrived int64) {
	if p.terminal {
		fmt.Fprintf(p.out, "\rsent %9d   at both log hosts %9d ", sent, arrived)
		p.open = true
		return
	}
	now := time.Now()
	if now.Sub(p.shown) < showInterval {
		return
	}
	p.shown = now
	fmt.Fprintf(p.out, "sent %9d   at both log hosts %9d\n", sent, arrived)
}

// interrupt shows a line of its own.
func (p *progress) interrupt(text string) {
	p.end()
	fmt.Fprintln(p.out, text)
}

// end ends the line that stands there.
func (p *progress) end() {
	if p.open {
		fmt.Fprintln(p.out)
		p.open = false
	}
}
