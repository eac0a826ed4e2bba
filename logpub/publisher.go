package logpub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// ErrNotSent means that lines were left when the time to stop was over. Run wraps
// it with their number.
var ErrNotSent = errors.New("lines were not sent")

// readBytes is how much is read at a time: what a pipe holds.
const readBytes = 64 << 10

// quietTime is how long after the end of its context Run waits for further input. It
// bridges the moments in which the last workers of a web server log.
const quietTime = time.Second

// Publisher is a running logpub.
type Publisher struct {
	cfg      Config
	queue    *queue
	sender   sender
	count    counters
	dropping chan struct{} // lines have been dropped since the queue is full

	// The rest is the reader's.
	cutter cutter
	full   bool // waiting for room has failed, and there has been none since
}

// New checks the configuration. It does not connect.
func New(cfg Config) (*Publisher, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Publisher{
		cfg:      cfg,
		queue:    newQueue(cfg.QueueBytes),
		dropping: make(chan struct{}, 1),
		cutter:   cutter{max: cfg.MaxLine},
	}
	p.sender.p = p
	return p, nil
}

// Run publishes the lines of r until r or ctx ends, then sends what has been read, for at
// most [Config.DrainTimeout], and returns. It may be called once.
//
// The error is that of r, bar io.EOF, or wraps [ErrNotSent]; lines that were dropped
// because the queue was full are only counted. A call of r.Read that does not return when
// ctx has ended is left behind, and what it reads is lost: pass a reader
// that nobody else uses.
func (p *Publisher) Run(ctx context.Context, r io.Reader) error {
	reading, stopReading := context.WithCancel(context.WithoutCancel(ctx))
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	defer stopReading()
	// Half of the time is for reading what is under way, so that some is
	// left for sending it.
	half := p.cfg.DrainTimeout / 2
	unwatch := context.AfterFunc(ctx, func() {
		wait(sending, half)
		stopReading()
		wait(sending, p.cfg.DrainTimeout-half)
		stopSending()
	})
	defer unwatch()

	var wg sync.WaitGroup
	wg.Go(func() { p.sender.run(sending) })
	wg.Go(func() { p.report(sending.Done()) })

	err := p.read(ctx.Done(), reading.Done(), r)
	p.queue.close()
	timeout := time.NewTimer(p.cfg.DrainTimeout)
	defer timeout.Stop()
	select {
	case <-p.queue.drained:
	case <-timeout.C:
	case <-sending.Done():
	}
	stopSending()
	wg.Wait()
	if n := p.queue.left(); n > 0 {
		p.drop(dropDrain, n)
		err = errors.Join(err, fmt.Errorf("logpub: %w: %d left after %v; is the daemon at %q up?", ErrNotSent, n, p.cfg.DrainTimeout, p.cfg.Address))
	}
	p.logStats("stopped")
	return err
}

// wait waits for d, or less if ctx ends.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// chunk is what one Read returned.
type chunk struct {
	b   []byte
	err error
}

// read reads lines into the queue until r ends, ending is closed and then nothing comes
// for a while, or stop is closed.
func (p *Publisher) read(ending, stop <-chan struct{}, r io.Reader) error {
	chunks := make(chan chunk, 1) // so that a Read that ends late finds its way out
	buffers := make(chan []byte, 1)
	defer close(buffers)
	go func() {
		for b := range buffers {
			n, err := r.Read(b)
			chunks <- chunk{b[:n], err}
		}
	}()
	buffers <- make([]byte, readBytes)

	var quiet <-chan time.Time
	for {
		select {
		case c := <-chunks:
			p.cutter.add(c.b)
			if c.err != nil {
				p.cutter.finish()
			}
			p.enqueue(stop)
			switch {
			case errors.Is(c.err, io.EOF):
				return nil
			case c.err != nil:
				return fmt.Errorf("logpub: reading lines: %w", c.err)
			}
			if quiet != nil {
				quiet = time.After(quietTime)
			}
			// The buffer is kept back at the end: what is not read stays in
			// the pipe, for the program's successor.
			if !closed(stop) {
				buffers <- c.b[:cap(c.b)]
				continue
			}
		case <-ending:
			ending, quiet = nil, time.After(quietTime)
			continue
		case <-quiet:
		case <-stop:
		}
		p.cutter.finish()
		p.enqueue(stop)
		return nil
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// enqueue puts the cutter's lines into the queue. If it is full and BlockTime and
// stop allow, it waits for room; what then does not fit is dropped.
func (p *Publisher) enqueue(stop <-chan struct{}) {
	lines := p.cutter.whole()
	if len(lines) == 0 {
		return
	}
	p.count.took.Add(int64(p.cutter.lines))
	p.count.truncated.Add(int64(p.cutter.truncated))
	rest := p.queue.put(lines)
	if len(rest) < len(lines) {
		p.full = false
	}
	// When a wait was in vain the next one would be as well, and each would
	// stop the web server again, unless something has moved.
	if len(rest) > 0 && !p.full {
		rest = p.waitForRoom(stop, rest)
		p.full = len(rest) > 0
	}
	if len(rest) > 0 {
		p.drop(dropQueue, bytes.Count(rest, []byte{'\n'}))
		signal(p.dropping)
	}
	p.cutter.forget()
}

// waitForRoom puts lines as the sender makes room, and returns what did not fit in
// time.
func (p *Publisher) waitForRoom(stop <-chan struct{}, lines []byte) (rest []byte) {
	if p.cfg.BlockTime < 0 {
		return lines
	}
	timeout := time.NewTimer(p.cfg.BlockTime)
	defer timeout.Stop()
	for len(lines) > 0 {
		select {
		case <-p.queue.room:
			lines = p.queue.put(lines)
		case <-timeout.C:
			return lines
		case <-stop:
			return lines
		}
	}
	return nil
}
