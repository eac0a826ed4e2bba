package logpub

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/internal/pause"
	"github.com/spreadd/spreadd/logs/internal/chain"
	"github.com/spreadd/spreadd/logs/internal/input/container"
	"github.com/spreadd/spreadd/logs/internal/input/tail"
	"github.com/spreadd/spreadd/logs/internal/queue"
)

// chainInterval is how often a process looks for epochs that others have left.
const chainInterval = 30 * time.Second

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
	if n > 0 {
		f.names.Count(int(to.Stream), uint64(n))
	}
}

// openChain opens the chain of the publisher's epochs.
func (p *Publisher) openChain() {
	dir := cmp.Or(p.cfg.Spool, p.cfg.State)
	if p.cfg.Plain || dir == "" {
		return
	}
	var err error
	if p.chain, err = chain.Open(chain.Config{Dir: dir, Publisher: p.cfg.Publisher, Epoch: p.epoch, Disk: p.cfg.Disk}); err != nil {
		p.chainFailed(err)
	}
}

func (p *Publisher) chainFailed(err error) {
	p.cfg.Log.Warn("cannot keep how far the numbers of lines went; log hosts may not notice lines that are missing at the end of a process",
		slog.Any("error", err))
}

// tendChain takes over the epochs of processes that end while this one runs.
func (p *Publisher) tendChain(ctx context.Context) {
	if p.chain == nil {
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { p.chain.Run(ctx) })
	defer wg.Wait()
	forgotten, failing := 0, false
	for ctx.Err() == nil {
		_ = pause.For(ctx, chainInterval)
		err := cmp.Or(p.chain.Adopt(), p.chain.Err())
		if err != nil && !failing {
			p.chainFailed(err)
		}
		failing = err != nil
		if n := p.chain.Forgotten(); n > forgotten {
			p.cfg.Log.Info("forgot how far the numbers of old epochs went", slog.Int("epochs", n-forgotten))
			forgotten = n
		}
	}
}

// numbered notes that n lines for a destination get numbers of the process's epoch.
func (p *Publisher) numbered(to *destination, n int) {
	if p.chain == nil {
		return
	}
	to.counting.Do(func() { to.counter = p.chain.Stream(to.Stream, strings.Join(to.Groups, " ")) })
	to.counter.Add(n)
}

// named takes the names of the lines of a file that gets no further ones.
func (p *Publisher) named(names *tail.LineNames) {
	if p.chain == nil {
		return
	}
	streams := make([]chain.Stream, len(names.Streams))
	for i, s := range names.Streams {
		streams[i] = chain.Stream{Stream: uint32(i), Groups: s.Groups, Next: s.Next}
	}
	if err := p.chain.End(names.Epoch, streams); err != nil {
		p.chainFailed(err)
	}
}

// rules identify what decides where the lines of a file go, and what they contain.
func (in *Intake) rules() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %+v %d\n", in.p.cfg.Publisher, in.form, in.maxLine)
	if f, ok := in.input.Source.(*File); ok && f.cfg.Format != container.Plain {
		fmt.Fprintf(h, "%v\n", f.cfg.Format)
	}
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
