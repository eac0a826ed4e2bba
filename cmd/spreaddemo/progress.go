package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// showInterval is the interval between two lines of progress, unless they are redrawn in place.
const showInterval = time.Second

// barWidth is the width of the bar in columns.
const barWidth = 24

type progress struct {
	out      io.Writer
	terminal bool
	total    int64 // lines
	shown    time.Time
	open     bool // the line is not ended by a newline yet
}

// show shows how many lines the web servers have written, and how many are at each log host: on a
// terminal in one line that is redrawn, otherwise in a line per showInterval.
func (p *progress) show(in int64, out []int64) {
	now := time.Now()
	if !p.terminal && now.Sub(p.shown) < showInterval {
		return
	}
	p.shown = now
	var b strings.Builder
	if p.terminal {
		least := in
		for _, n := range out {
			least = min(least, n)
		}
		full := int(least * barWidth / max(p.total, 1))
		sent := int(in * barWidth / max(p.total, 1))
		fmt.Fprintf(&b, "\r[%s%s%s]", strings.Repeat("#", full), strings.Repeat("-", sent-full), strings.Repeat(" ", barWidth-sent))
	}
	fmt.Fprintf(&b, " in %8d", in)
	for i, n := range out {
		fmt.Fprintf(&b, "   out %d %8d", i+1, n)
	}
	if p.open = p.terminal; !p.open {
		b.WriteByte('\n')
	}
	_, _ = io.WriteString(p.out, b.String()) // flags.Output sees to errors.
}

func (p *progress) interrupt(text string) {
	if p.open {
		fmt.Fprint(p.out, "\r"+strings.Repeat(" ", 79)+"\r")
		p.open = false
	}
	fmt.Fprintln(p.out, text)
}

func (p *progress) end() {
	if p.open {
		fmt.Fprintln(p.out)
		p.open = false
	}
}
