package logpub

import (
	"bytes"
	"context"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/logs/internal/logline"
	"github.com/spreadd/spreadd/logs/internal/queue"
)

// Source reads lines from somewhere.
type Source interface {
	// Run passes lines to in until there are no more, which is a nil error, or ctx ends. Once in.Ending is closed, it
	// finishes what it has started and returns.
	Run(ctx context.Context, in *Intake) error
}

// positioned is a source that keeps its lines until they are safe, and has a position on disk.
type positioned interface {
	// finish saves the position, and reports whether there is one on disk, if there is to be one.
	finish() (saved bool)
	// leave gives up the source, because a system call does not return.
	leave()
}

// Intake takes the lines of one source. It belongs to the goroutine of the source's Run.
type Intake struct {
	p       *Publisher
	input   Input
	to      *destination // of all lines, if router is nil
	router  *router
	maxLine int
	ending  <-chan struct{}
	stop    <-chan struct{}
	waits   bool // lines are never dropped, because the source keeps them
	kept    bool // the source has a position on disk, from which lines come again
	form    logline.Form
	formed  formed
	file    fileStreams
	full    bool        // a wait for room has timed out, and there has been no room since
	left    atomic.Bool // the source hangs, and the publisher has ended without it

	lines, bytes, truncated atomic.Int64 // counters of what it took
}

// Ending returns a channel that is closed when the publisher is to stop.
func (in *Intake) Ending() <-chan struct{} { return in.ending }

// Put takes n whole lines, each with its newline and none longer than MaxLine. Some of them were truncated to that. It may
// block for BlockTime.
func (in *Intake) Put(lines []byte, n, truncated int) {
	if len(lines) == 0 || in.left.Load() {
		return
	}
	in.took(n, len(lines), truncated)
	in.put(lines, n)
}

// putUnkept is Put for lines that are lost with the process until they are on disk. Delivery [Written] writes all of them
// there anyway, because log hosts acknowledge later than [Config.SpoolAfter], so they need not wait for that.
func (in *Intake) putUnkept(lines []byte, n, truncated int) {
	in.Put(lines, n, truncated)
	if in.p.cfg.Delivery == Written {
		in.p.queue.SaveSoon()
	}
}

// PutSome is Put for a source that keeps its lines until they are safe. It waits for room as long as it takes and drops
// nothing. It returns how many bytes it took: all of them, unless the time to stop is over.
func (in *Intake) PutSome(lines []byte, truncated int) (took int) {
	if in.left.Load() {
		return 0
	}
	took = in.put(lines, bytes.Count(lines, []byte{'\n'}))
	if took > 0 {
		in.took(bytes.Count(lines[:took], []byte{'\n'}), took, truncated)
	}
	return took
}

// leave makes whatever the source still does be without effect.
func (in *Intake) leave() {
	in.left.Store(true)
	switch s := in.input.Source.(type) {
	case positioned:
		s.leave()
	case *Glob:
		s.leave()
	}
}

// took counts what was taken.
func (in *Intake) took(lines, bytes, truncated int) {
	in.p.count.took.Add(int64(lines))
	in.p.count.tookBytes.Add(int64(bytes))
	in.lines.Add(int64(lines))
	in.bytes.Add(int64(bytes))
	if truncated == 0 {
		return
	}
	in.p.count.truncated.Add(int64(truncated))
	if in.truncated.Add(int64(truncated)) == int64(truncated) {
		select {
		case in.p.cutting <- in.name():
		default: // so many inputs do it that the log has said enough
		}
	}
}

// put finds where lines go, and returns how many bytes are taken or dropped.
func (in *Intake) put(lines []byte, n int) (took int) {
	if in.form.Changes() {
		return in.putFormed(lines)
	}
	if in.router == nil {
		return len(lines) - in.enqueue(lines, n, in.to)
	}
	for len(lines) > 0 {
		n := bytes.IndexByte(lines, '\n') + 1
		to, count := in.router.find(lines[:n]), 1
		for n < len(lines) {
			next := bytes.IndexByte(lines[n:], '\n') + 1
			if in.router.find(lines[n:n+next]) != to {
				break
			}
			n += next
			count++
		}
		rest := in.enqueue(lines[:n], count, to)
		took += n - rest
		if rest > 0 {
			break
		}
		lines = lines[n:]
	}
	return took
}

// MaxLine returns the longest line in bytes, newline included.
func (in *Intake) MaxLine() int { return in.maxLine }

// enqueue puts lines into the queue. If that is full, it waits for room, as far as BlockTime and stop allow. Then, by the policy,
// it drops either the lines that do not fit or older ones. It returns how many bytes are left to a source that keeps them.
func (in *Intake) enqueue(lines []byte, n int, to *destination) (left int) {
	p := in.p
	target := in.file.target(to)
	if p.overShare(to) && !in.shares(to) {
		return len(lines)
	}
	if !in.waits {
		p.numbered(to, n) // all of them get numbers, also those that are dropped
	}
	if !in.waits && p.cfg.Policy == DropNewest && p.overShare(to) {
		p.queue.Skip(n, target)
		p.dropShare(to.name, n, len(lines))
		to.count.add(n, len(lines))
		return 0
	}
	rest := p.queue.PutLines(lines, n, target, in.kept)
	if len(rest) < len(lines) {
		in.full = false
	}
	// After a wait without success the next one would fail, too, and each would stop the web server, unless the queue has
	// moved since.
	if len(rest) > 0 && (!in.full || in.patient()) {
		rest = in.waitForRoom(rest, target)
		in.full = len(rest) > 0
	}
	for len(rest) > 0 && p.cfg.Policy == DropOldest && !in.patient() && p.queue.DropOldest() {
		rest = p.queue.PutLines(rest, bytes.Count(rest, []byte{'\n'}), target, in.kept)
	}
	if len(rest) > 0 && in.waits {
		left = len(rest)
		n -= bytes.Count(rest, []byte{'\n'})
	} else if len(rest) > 0 {
		p.queue.DropNewest(rest, target)
	}
	to.count.add(n, len(lines)-left)
	switch {
	case !in.waits:
	case in.file.names == nil:
		p.numbered(to, n)
	default:
		in.file.count(target, n)
	}
	return left
}

// shares waits until groups no longer have more than their share of the spool, if the lines may wait. It returns false if the time to
// stop is over.
func (in *Intake) shares(to *destination) bool {
	for in.patient() && in.p.overShare(to) {
		select {
		case <-in.stop:
			return !in.waits // what cannot wait any longer goes on
		case <-time.After(tidyInterval):
		}
	}
	return true
}

// patient reports whether to wait for room as long as it takes.
func (in *Intake) patient() bool { return in.waits || in.p.cfg.Policy == Block }

// waitForRoom puts lines as the sender makes room, and returns what did not fit in time.
func (in *Intake) waitForRoom(lines []byte, to *queue.Target) (rest []byte) {
	var timeout <-chan time.Time
	if !in.patient() {
		if in.p.cfg.BlockTime < 0 {
			return lines
		}
		t := time.NewTimer(in.p.cfg.BlockTime)
		defer t.Stop()
		timeout = t.C
	}
	return in.p.queue.PutWaiting(lines, to, in.kept, timeout, in.stop)
}

// formed collects changed lines for one destination.
type formed struct {
	to    *destination
	text  []byte
	sizes []int  // for each line, the bytes read and the bytes to send
	line  []byte // the line that is being changed
}

// putFormed is put for an input whose form changes lines.
func (in *Intake) putFormed(lines []byte) (took int) {
	f := &in.formed
	for len(lines) > 0 {
		n := bytes.IndexByte(lines, '\n') + 1
		f.line = in.form.AppendNamed(f.line[:0], lines[:n])
		to := in.to
		if in.router != nil {
			to = in.router.find(f.line)
		}
		line := in.form.Word.Cut(f.line)
		if len(line) > in.maxLine {
			line = append(line[:in.maxLine-1], '\n')
			in.took(0, 0, 1)
		}
		if to != f.to && len(f.sizes) > 0 {
			n, ok := in.enqueueFormed()
			took += n
			if !ok {
				return took
			}
		}
		f.to = to
		f.text = append(f.text, line...)
		f.sizes = append(f.sizes, n, len(line))
		lines = lines[n:]
	}
	n, _ := in.enqueueFormed()
	return took + n
}

// enqueueFormed enqueues what putFormed has collected. It returns how many of the bytes that were read are taken or dropped, and
// whether these are all.
func (in *Intake) enqueueFormed() (took int, ok bool) {
	f := &in.formed
	left := in.enqueue(f.text, len(f.sizes)/2, f.to)
	sent := len(f.text) - left
	more := 0 // bytes to send beyond those read
	for i := 0; i < len(f.sizes) && sent >= f.sizes[i+1]; i += 2 {
		took += f.sizes[i]
		sent -= f.sizes[i+1]
		more += f.sizes[i+1] - f.sizes[i]
	}
	in.took(0, more, 0)
	f.text, f.sizes = f.text[:0], f.sizes[:0]
	return took, left == 0
}
