package logpub

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/input/tail"
	"github.com/spreadd/spreadd/logs/internal/queue"
)

// epochs hands out epochs.
type epochs struct{ last atomic.Uint64 }

// next returns a number that no earlier process of this host has had, and this one only once: the time,
// with random low bits, which stand for less than a tenth of a millisecond.
func (e *epochs) next() uint64 {
	for {
		last := e.last.Load()
		epoch := max(last+1, uint64(time.Now().UnixNano())&^0xffff|rand.Uint64N(1<<16))
		if e.last.CompareAndSwap(last, epoch) {
			return epoch
		}
	}
}

// fileStreams are the streams of the file that is being read. The zero value has no file: then lines go
// to the streams of the process.
type fileStreams struct {
	names   *tail.LineNames
	numbers map[string]int // of streams, by groups
	targets map[*destination]*queue.Target
}

// use makes the names of a file those of the next lines.
func (in *Intake) use(names *tail.LineNames) {
	if in.file.names == names {
		return
	}
	in.file = fileStreams{names: names, numbers: make(map[string]int), targets: make(map[*destination]*queue.Target)}
	for i, s := range names.Streams {
		in.file.numbers[s.Groups] = i
	}
}

// target returns the stream of a destination.
func (f *fileStreams) target(to *destination) *queue.Target {
	if f.names == nil {
		return &to.Target
	}
	t := f.targets[to]
	if t == nil {
		groups := strings.Join(to.Groups, " ")
		i, ok := f.numbers[groups]
		if !ok {
			i = f.names.Add(groups)
			f.numbers[groups] = i
		}
		t = &queue.Target{Groups: to.Groups, Epoch: f.names.Epoch, Stream: uint32(i), Next: f.names.Streams[i].Next}
		f.targets[to] = t
	}
	return t
}

// count notes that n lines went to a target.
func (f *fileStreams) count(to *queue.Target, n int) {
	if f.names != nil && n > 0 {
		f.names.Count(int(to.Stream), uint64(n))
	}
}

// rules identify what decides where the lines of a file go, and what they contain.
func (in *Intake) rules() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %+v %d\n", in.p.cfg.Publisher, in.form, in.maxLine)
	if in.router == nil {
		fmt.Fprintf(h, "%q\n", in.to.Groups)
	} else {
		r := in.router.route
		fmt.Fprintf(h, "%d %v %q %q %d\n", r.Field, r.VHost, r.Prefix, r.Default, r.MaxTargets)
		for _, rule := range r.Rules {
			fmt.Fprintf(h, "%q %q\n", rule.Match, rule.Groups)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}
