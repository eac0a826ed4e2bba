package main

import (
	"fmt"
	"io"
	"time"
)

// showInterval is the interval between two lines of progress, unless they are redrawn in place.
const showInterval = time.Second

type progress struct {
	out      io.Writer
	terminal bool
	shown    time.Time
	open     bool // the line is not ended by a newline yet
}

// show shows how many lines were sent and how many have arrived everywhere: on a terminal in one
// line that is redrawn, otherwise in a line per showInterval.
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

func (p *progress) interrupt(text string) {
	p.end()
	fmt.Fprintln(p.out, text)
}

func (p *progress) end() {
	if p.open {
		fmt.Fprintln(p.out)
		p.open = false
	}
}
