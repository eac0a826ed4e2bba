package main

import (
	"io"
	"time"
)

// paced is what a web server writes: its log several times, evenly over a time.
type paced struct {
	log    []byte
	rounds int
	lasts  time.Duration
	over   <-chan struct{} // a web server goes on until it is stopped
	began  time.Time
	done   int // bytes
}

func newPaced(log []byte, rounds int, lasts time.Duration, over <-chan struct{}) *paced {
	return &paced{log: log, rounds: rounds, lasts: lasts, over: over, began: time.Now()}
}

// Read waits until there is more to read, or the end has come.
func (p *paced) Read(b []byte) (int, error) {
	total := len(p.log) * p.rounds
	if p.done == total {
		<-p.over
		return 0, io.EOF
	}
	for {
		due := total
		// A tick at a time, because a byte at a time would keep a processor busy.
		if elapsed := time.Since(p.began).Truncate(tick); elapsed < p.lasts {
			due = int(float64(total) * (float64(elapsed) / float64(p.lasts)))
		}
		if due > p.done {
			at := p.done % len(p.log)
			n := copy(b[:min(len(b), due-p.done)], p.log[at:])
			p.done += n
			return n, nil
		}
		time.Sleep(tick)
	}
}
