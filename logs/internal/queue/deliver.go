package queue

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"math"
	"time"
)

// Batch is a block of entries, whose lines can be acknowledged one by one. It belongs to the caller of [Queue.Next] until all
// of them are acknowledged.
type Batch struct {
	q      *Queue
	block  *Block
	lines  int  // how many the block has
	acked  int  // lines that are delivered
	offset int  // of the first one that is not
	done   bool // all of them are
}

func newBatch(q *Queue, block *Block) *Batch {
	return &Batch{q: q, block: block, lines: block.Lines, offset: blockHeaderLen}
}

// Len returns the number of lines, acknowledged ones included.
func (b *Batch) Len() int { return b.lines }

// Acked returns how many of the first lines are acknowledged.
func (b *Batch) Acked() int { return b.acked }

// Bytes returns the size of the batch in memory.
func (b *Batch) Bytes() int { return len(b.block.Data) }

// Epoch returns the random number of the process that put the lines. It is not 0.
func (b *Batch) Epoch() uint64 { return binary.BigEndian.Uint64(b.block.Data[offEpoch:]) }

// First returns the number in the epoch of line 0, whether or not that is acknowledged. The numbers of the
// other lines follow it.
func (b *Batch) First() uint64 { return binary.BigEndian.Uint64(b.block.Data[offFirst:]) }

// Entries returns the lines that are not acknowledged, with their indexes, starting at [Batch.Acked]. Each entry
// overwrites the one before; its texts stay valid until the batch is done.
func (b *Batch) Entries() iter.Seq2[int, *Entry] {
	return func(yield func(int, *Entry) bool) {
		var e Entry
		block := b.block.Data
		data := block[b.offset:]
		// Once the batch is done, the block may be in use for other lines.
		for i := b.acked; i < b.lines && !b.done; i++ {
			rest, ok := decodeEntry(block, data, &e)
			if !ok || !yield(i, &e) {
				return
			}
			data = rest
		}
	}
}

// Ack says that the first n lines are delivered and never come again. Once that is all of them the batch is done and
// must not be used any more.
func (b *Batch) Ack(n int) {
	if n <= b.acked || n > b.lines {
		return
	}
	q := b.q
	q.mu.Lock()
	if n == b.lines {
		b.done = true
		q.batch = nil
		q.land(b.block.last)
		q.memory.letGo(b.block)
	} else {
		q.count.delivered.Add(int64(n - b.acked))
		q.taken[0].lines -= n - b.acked
		b.trim(n)
		q.done = b.block.last - uint64(b.lines-n)
	}
	b.acked = n
	st, upTo := q.disk.store, min(q.done, q.disk.saved)
	q.mu.Unlock()
	q.ackStore(st, upTo)
}

// trim moves to line n.
func (b *Batch) trim(n int) {
	var e Entry
	for ; b.acked < n; b.acked++ {
		rest, ok := decodeEntry(b.block.Data, b.block.Data[b.offset:], &e)
		if !ok {
			return
		}
		b.offset = len(b.block.Data) - len(rest)
	}
}

// ErrInterrupted is what Next returns after [Queue.Interrupt].
var ErrInterrupted = errors.New("interrupted")

// Interrupt ends the present wait of Next or Deliver, or the next one if there is none.
func (q *Queue) Interrupt() { signal(q.interrupt) }

// Next waits for the oldest lines that are not acknowledged. It returns the same batch until that is done. The error is
// io.EOF after Finish when no lines are left, [ErrInterrupted], or that of ctx.
func (q *Queue) Next(ctx context.Context) (*Batch, error) {
	timer := time.NewTimer(math.MaxInt64)
	defer timer.Stop()
	for {
		b, wait := q.nextBatch()
		if b != nil {
			return b, nil
		}
		timer.Reset(wait)
		select {
		case <-q.drained:
			return nil, io.EOF
		case <-q.wake:
		case <-timer.C:
		case <-q.interrupt:
			return nil, ErrInterrupted
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// nextBatch returns the present batch or a new one, or how long it may take until there is one.
func (q *Queue) nextBatch() (b *Batch, wait time.Duration) {
	q.mu.Lock()
	b = q.batch
	q.mu.Unlock()
	if b != nil {
		return b, 0
	}
	block, wait := q.Take()
	if block == nil {
		return nil, wait
	}
	b = newBatch(q, block)
	b.trim(block.skip)
	q.mu.Lock()
	q.batch = b
	q.mu.Unlock()
	return b, 0
}

const (
	// retryFirst is the first pause of Deliver.
	retryFirst = 100 * time.Millisecond
	// idleInterval is how often Deliver calls idle while there are no lines.
	idleInterval = time.Second
)

// Deliver passes batches to write until ctx ends or, after Finish, no lines are left. write acknowledges lines. If it
// returns an error or leaves lines, Deliver calls it again with the same batch after a pause. The pause grows from 0.1 s to
// [Config.RetryLast] while no line is acknowledged; Interrupt ends it. Deliver calls idle when nothing comes for a second
// and when it is interrupted; idle may be nil.
func (q *Queue) Deliver(ctx context.Context, write func(ctx context.Context, b *Batch) error, idle func(ctx context.Context)) error {
	if idle == nil {
		idle = func(context.Context) {}
	}
	pause := retryFirst
	for {
		b, err := q.nextOrIdle(ctx, idle)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		before := b.acked
		err = write(ctx, b)
		if b.done || b.acked > before {
			pause = retryFirst
		}
		if b.done {
			continue
		}
		if ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-q.interrupt:
			idle(ctx)
			pause = retryFirst
		case <-time.After(pause):
			pause = min(2*pause, q.cfg.RetryLast)
		}
	}
}

func (q *Queue) nextOrIdle(ctx context.Context, idle func(ctx context.Context)) (*Batch, error) {
	for {
		short, cancel := context.WithTimeout(ctx, idleInterval)
		b, err := q.Next(short)
		cancel()
		if b != nil || errors.Is(err, io.EOF) || ctx.Err() != nil {
			return b, err
		}
		idle(ctx)
	}
}
