package logsim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// kind is what goes wrong.
type kind string

const (
	killPublisher  kind = "kill logpub"
	stopPublisher  kind = "stop logpub"
	killSubscriber kind = "kill logsub"
	stopSubscriber kind = "stop logsub"
	noSubscriber   kind = "kill every logsub"
	power          kind = "power failure"
	killDaemon     kind = "kill the daemon"
	dropSession    kind = "drop the session"
	split          kind = "split the network"
	diskFull       kind = "fill the disk"
	rotate         kind = "rotate the input"
	reopen         kind = "reopen the files"
)

// fault is something that goes wrong, for some time.
type fault struct {
	kind   kind
	host   int // of its kind: web host or log host; of a split, the hosts on one side as bits
	log    bool
	at     time.Duration
	length time.Duration
	step   int // a kill waits for so many steps of the disk
}

// String returns the fault as a line of a story.
func (f *fault) String() string {
	where := fmt.Sprintf("w%d", f.host)
	if f.log {
		where = fmt.Sprintf("l%d", f.host)
	}
	if f.kind == split {
		where = fmt.Sprintf("hosts %b", f.host)
	} else if f.kind == noSubscriber {
		where = "all"
	}
	s := fmt.Sprintf("%8.3fs %s: %s", f.at.Seconds(), where, f.kind)
	if f.step > 0 {
		s += fmt.Sprintf(" at step %d of its disk", f.step)
	}
	if f.length > 0 {
		s += fmt.Sprintf(" for %.3fs", f.length.Seconds())
	}
	return s
}

// plan is all that a seed determines.
type plan struct {
	seed     uint64
	webs     int
	logs     int
	pipe     []bool // of web hosts: lines come from a pipe
	sites    int
	layout   int           // of the log files
	size     int64         // at which files are cut; 0 is never
	sync     time.Duration // as in logsub.Config
	acks     int
	lines    int // of each web host
	length   time.Duration
	delay    time.Duration // until a message is ordered, at most
	faults   []fault
	mutation mutation
}

// String returns the settings.
func (p *plan) String() string {
	in := make([]string, p.webs)
	for i := range in {
		in[i] = "file"
		if p.pipe[i] {
			in[i] = "pipe"
		}
	}
	return fmt.Sprintf("seed %d: %d lines from each of %s, %d log hosts, %d sites, layout %d, size %d, sync %v, acks %d, delay %v",
		p.seed, p.lines, strings.Join(in, ", "), p.logs, p.sites, p.layout, p.size, p.sync, p.acks, p.delay)
}

// between draws a duration, short ones as often as long ones.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	top := most
	for top > 2*least && r.IntN(3) > 0 {
		top /= 4
	}
	return least + time.Duration(r.Int64N(int64(max(top-least, 1))))
}

// draw returns the plan of a seed.
func draw(seed uint64) *plan {
	r := rand.New(rand.NewPCG(seed, 1))
	p := &plan{
		seed: seed, webs: 1 + r.IntN(3), logs: 2, sites: 1 + r.IntN(3), layout: r.IntN(3),
		sync: []time.Duration{0, -1, -1, time.Second}[r.IntN(4)], acks: 1,
		lines: 20 + r.IntN(180), length: between(r, 2*time.Second, 60*time.Second),
		delay: []time.Duration{0, 3 * time.Millisecond, 50 * time.Millisecond}[r.IntN(3)],
	}
	switch r.IntN(6) {
	case 0:
		p.logs = 1
	case 1:
		p.logs = 3
	}
	if p.logs > 1 && r.IntN(4) == 0 {
		p.acks = 2
	}
	if r.IntN(3) == 0 {
		p.size = int64(500 + r.IntN(4000))
	}
	for range p.webs {
		p.pipe = append(p.pipe, r.IntN(3) == 0)
	}
	for range r.IntN(9) {
		p.faults = append(p.faults, p.drawFault(r))
	}
	slices.SortFunc(p.faults, func(a, b fault) int { return int(a.at - b.at) })
	return p
}

func (p *plan) drawFault(r *rand.Rand) fault {
	f := fault{at: time.Duration(r.Int64N(int64(p.length))), length: between(r, 10*time.Millisecond, 40*time.Second)}
	web, log := r.IntN(p.webs), r.IntN(p.logs)
	step := 0
	if r.IntN(2) == 0 {
		step = 1 + r.IntN(30)
	}
	switch r.IntN(14) {
	case 0, 1:
		f.kind, f.host, f.step = killPublisher, web, step
	case 2:
		f.kind, f.host = stopPublisher, web
	case 3, 4:
		f.kind, f.host, f.log, f.step = killSubscriber, log, true, step
	case 5:
		f.kind, f.host, f.log = stopSubscriber, log, true
	case 6:
		f.kind = noSubscriber
	case 7:
		f.kind, f.step = power, step
		if f.host = web; p.pipe[web] || r.IntN(2) == 0 && p.sync < 0 {
			f.host, f.log = log, true
		}
		if f.log && p.sync >= 0 {
			f.kind = killSubscriber // only what is synced survives
		}
	case 8, 9:
		f.kind, f.log = killDaemon, r.IntN(2) == 0
		if f.host = web; f.log {
			f.host = log
		}
	case 10:
		f.kind, f.log, f.length = dropSession, r.IntN(2) == 0, 0
		if f.host = web; f.log {
			f.host = log
		}
	case 11:
		f.kind, f.host = split, 1+r.IntN(1<<(p.webs+p.logs)-1)
	case 12:
		f.kind, f.host, f.log = diskFull, log, true
	case 13:
		if f.kind, f.host, f.length = rotate, web, 0; p.pipe[web] || r.IntN(2) == 0 {
			f.kind, f.host, f.log = reopen, log, true
		}
	}
	return f
}
