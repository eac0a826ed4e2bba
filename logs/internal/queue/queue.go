package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/spreadd/spreadd/logs/internal/spool"
)

// Defaults of [Config].
const (
	// DefaultLimitBytes holds a second of 300,000 lines of 200 bytes.
	DefaultLimitBytes = 64 << 20
	// DefaultBatchLines is what a database takes in one transaction without a noticeable
	// cost for each.
	DefaultBatchLines = 1000
	// DefaultBatchBytes makes the cost of a write small beside that of its bytes.
	DefaultBatchBytes = 256 << 10
	// DefaultSpoolAfter keeps the disk quiet while a sink takes lines as they come.
	DefaultSpoolAfter = time.Second
	// DefaultRetryLast is soon for who waits for a database, and seldom for its host.
	DefaultRetryLast = 30 * time.Second
)

// Config of a queue. The zero value has no disk, and the defaults.
type Config struct {
	// LimitBytes bounds what waits in memory. Zero means DefaultLimitBytes.
	LimitBytes int
	// BatchLines and BatchBytes bound a batch; one line always fits. Zero means the defaults.
	BatchLines, BatchBytes int
	// BatchDelay is how long a line may wait for others of its batch.
	BatchDelay time.Duration
	// Spool is the directory for what waits longer; no other queue may have it. Empty means none.
	Spool string
	// SpoolBytes bounds what is there. Zero means [spool.DefaultMaxBytes].
	SpoolBytes int64
	// SpoolAfter is after how long, besides BatchDelay, a line goes to the disk, if memory does not fill up
	// before. Zero means DefaultSpoolAfter.
	SpoolAfter time.Duration
	// RetryLast bounds the pause of Deliver after a failure, which begins with 0.1 s and doubles. Zero means 30 s.
	RetryLast time.Duration
	// Report is told what goes wrong with the disk, once until it works again, which is a nil error. It is called by the
	// goroutines of Run, Next and Close. It may be nil.
	Report func(err error)

	open func(spool.Config) (store, spool.Recovery, error) // nil means spool.Open
}

// store is what a queue needs of a *spool.Spool.
type store interface {
	Append(r spool.Record) error
	Read(id uint64, buf []byte) (spool.Record, error)
	Ack(id uint64) error
	Acked() uint64
	DropOldest() (spool.Dropped, error)
	Waiting() (records, lines, size int64)
	Last() uint64
	Damage() []spool.Damage
	Sync() error
	Close() error
}

func openSpool(cfg spool.Config) (store, spool.Recovery, error) {
	s, found, err := spool.Open(cfg)
	if err != nil {
		return nil, found, err // not a store that is a nil pointer
	}
	return s, found, nil
}

// Queue is what waits for one sink.
type Queue struct {
	cfg   Config
	store store // nil without a disk
	epoch uint64
	count counters

	wake      chan struct{} // for Next: there is more, or it ends
	save      chan struct{} // for Run: memory fills up
	interrupt chan struct{} // for Next and Deliver

	mu       sync.Mutex
	next     uint64   // number of the next line
	blocks   []*Batch // in memory, oldest first, but for the current one; all are younger than what is on disk
	current  *Batch   // of Next; nil if it is done
	bytes    int      // in memory
	free     [][]byte // of blocks that are done
	finished bool     // nothing is put any more

	lastID uint64 // of the last line on disk
	cursor uint64 // Next reads the disk from this ID on

	saving  *Batch // of Run, without q.mu: its memory must stay
	trouble error  // of the disk, as told to Report

	readBuf    []byte // of Next: the batch from the disk
	readErrors int    // of Next: in a row
	readAfter  time.Time
}

// blockCost is what a block is counted for besides its bytes.
const blockCost = 256

// Open makes a queue, and reads what the disk has from the process before.
func Open(cfg Config) (*Queue, error) {
	cfg.LimitBytes = cmp.Or(cfg.LimitBytes, DefaultLimitBytes)
	cfg.BatchLines = cmp.Or(cfg.BatchLines, DefaultBatchLines)
	cfg.BatchBytes = cmp.Or(cfg.BatchBytes, DefaultBatchBytes)
	cfg.SpoolAfter = cmp.Or(cfg.SpoolAfter, DefaultSpoolAfter)
	cfg.RetryLast = cmp.Or(cfg.RetryLast, DefaultRetryLast)
	if cfg.Report == nil {
		cfg.Report = func(error) {}
	}
	if cfg.open == nil {
		cfg.open = openSpool
	}
	q := &Queue{
		cfg: cfg, epoch: rand.Uint64()>>1 | 1, next: 1, cursor: 1, // positive for databases, which have no unsigned numbers
		wake: make(chan struct{}, 1), save: make(chan struct{}, 1), interrupt: make(chan struct{}, 1),
	}
	if cfg.Spool == "" {
		return q, nil
	}
	st, found, err := cfg.open(spool.Config{Dir: cfg.Spool, MaxBytes: cfg.SpoolBytes})
	if err != nil {
		return nil, err
	}
	q.store, q.lastID, q.cursor = st, st.Last(), st.Acked()+1
	q.count.recovered.Add(found.Lines)
	for _, d := range found.Damage {
		q.count.drop(dropDamage, d.Lines)
		cfg.Report(errors.New(d.String()))
	}
	return q, nil
}

// Put adds a line, of which it keeps a copy. It returns false if there is no room, which it
// has counted.
func (q *Queue) Put(e *Entry) bool {
	size := e.size()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count.put.Add(1)
	switch {
	case size > spool.MaxRecord-blockHeaderLen:
		q.count.drop(dropTooLong, 1)
		return false
	case q.bytes > 0 && q.bytes+size > q.cfg.LimitBytes:
		q.count.drop(q.whyFull(), 1)
		return false
	}
	var b *Batch
	if n := len(q.blocks); n > 0 && !q.blocks[n-1].sealed {
		b = q.blocks[n-1]
		if len(b.data)+size > q.cfg.BatchBytes {
			b.sealed = true
			b = nil
		}
	}
	if b == nil {
		b = &Batch{q: q, born: time.Now(), memory: true, offset: blockHeaderLen, data: appendHeader(q.buffer(), q.epoch, q.next)}
		q.blocks = append(q.blocks, b)
		q.bytes += len(b.data) + blockCost
		signal(q.wake)
	}
	before := len(b.data)
	b.data = appendEntry(b.data, e)
	b.lines++
	q.next++
	q.bytes += len(b.data) - before
	if b.lines >= q.cfg.BatchLines || len(b.data) >= q.cfg.BatchBytes {
		b.sealed = true
		signal(q.wake)
	}
	if q.store != nil && q.bytes >= q.cfg.LimitBytes/2 && q.trouble == nil {
		signal(q.save)
	}
	return true
}

// buffer returns memory for a block.
func (q *Queue) buffer() []byte {
	n := len(q.free)
	if n == 0 {
		return nil
	}
	buf := q.free[n-1]
	q.free = q.free[:n-1]
	return buf[:0]
}

// freeBuffers is how many buffers are kept for blocks to come.
const freeBuffers = 4

// whyFull tells why there is no room.
func (q *Queue) whyFull() dropReason {
	switch {
	case q.store == nil:
		return dropQueue
	case errors.Is(q.trouble, spool.ErrFull):
		return dropSpool
	case q.trouble != nil:
		return dropSpoolError
	default:
		return dropQueue // the disk is too slow
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it has been told
	}
}

// Finish says that nothing is put any more. Next returns what there is, and then io.EOF.
func (q *Queue) Finish() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.finished = true
	signal(q.wake)
}

// Interrupt has the present Next return, or the pause of Deliver, or the next one of them if there is none.
func (q *Queue) Interrupt() { signal(q.interrupt) }

// ErrInterrupted is what Next returns after [Queue.Interrupt].
var ErrInterrupted = errors.New("interrupted")

// Next waits for the oldest lines that are not acknowledged. Until all of a batch are, it returns that one. The error is
// io.EOF when there are none and there will be none, [ErrInterrupted], or that of ctx.
func (q *Queue) Next(ctx context.Context) (*Batch, error) {
	timer := time.NewTimer(math.MaxInt64)
	defer timer.Stop()
	for {
		b, wait, err := q.take()
		if b != nil || err != nil {
			return b, err
		}
		timer.Reset(wait)
		select {
		case <-q.wake:
		case <-timer.C:
		case <-q.interrupt:
			return nil, ErrInterrupted
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take returns the batch that comes next, or how long it may take until there is one.
func (q *Queue) take() (b *Batch, wait time.Duration, err error) {
	const long = time.Hour // there will be a signal
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.current != nil {
		return q.current, 0, nil
	}
	if q.cursor <= q.lastID {
		if wait := time.Until(q.readAfter); wait > 0 {
			return nil, wait, nil
		}
		switch b, err := q.takeSaved(); {
		case err != nil:
			q.readAfter = time.Now().Add(readRetry)
			return nil, readRetry, nil
		case b != nil:
			q.current = b
			return b, 0, nil
		}
	}
	if len(q.blocks) == 0 {
		if q.finished {
			return nil, 0, io.EOF
		}
		return nil, long, nil
	}
	b = q.blocks[0]
	if age := time.Since(b.born); !b.sealed && !q.finished && age < q.cfg.BatchDelay {
		return nil, q.cfg.BatchDelay - age, nil
	}
	b.sealed = true
	q.blocks[0] = nil
	q.blocks = q.blocks[1:]
	q.current = b
	return b, 0, nil
}

// ack notes that the first n lines of a batch have been dealt with.
func (q *Queue) ack(b *Batch, n int) {
	q.mu.Lock()
	q.count.delivered.Add(int64(n - b.acked))
	id := b.id
	if n == b.lines {
		b.acked, b.done = n, true
		if q.current == b {
			q.current = nil
		}
		if b.memory {
			q.release(b)
		}
	} else {
		b.trim(n)
	}
	q.mu.Unlock()
	if id > 0 {
		q.diskFails(q.store.Ack(id - uint64(b.lines-n)))
	}
}

// release takes a block out of the account. While it is being saved its memory is still read.
func (q *Queue) release(b *Batch) {
	b.memory = false
	q.bytes -= len(b.data) + blockCost
	if len(q.free) < freeBuffers && cap(b.data) <= 4*DefaultBatchBytes && b != q.saving {
		q.free = append(q.free, b.data)
	}
	b.data = nil
}

// retryFirst is the first pause of Deliver.
const retryFirst = 100 * time.Millisecond

// Deliver hands batches to write until ctx ends or, after Finish, nothing is left. write acknowledges lines; if it
// returns an error or has left lines, it is called again with the same batch after a pause, which grows from 0.1 s to [Config.RetryLast]
// while no line is acknowledged, and which Interrupt ends. idle is called when nothing comes for a second, and
// when it is interrupted; it may be nil.
func (q *Queue) Deliver(ctx context.Context, write func(ctx context.Context, b *Batch) error, idle func(ctx context.Context)) error {
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
		if b.done {
			pause = retryFirst
			continue
		}
		if b.acked > before {
			pause = retryFirst
		}
		if ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-q.interrupt:
			if idle != nil {
				idle(ctx)
			}
			pause = retryFirst
		case <-time.After(pause):
			pause = min(2*pause, q.cfg.RetryLast)
		}
	}
}

// idleInterval is how often a sink is looked after while nothing comes.
const idleInterval = time.Second

func (q *Queue) nextOrIdle(ctx context.Context, idle func(ctx context.Context)) (*Batch, error) {
	if idle == nil {
		idle = func(context.Context) {}
	}
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

// Close ends the queue, after Run and Deliver have ended: what is not acknowledged is put on the disk. An
// error says how many lines are lost, or what is wrong with the disk.
func (q *Queue) Close() error {
	q.mu.Lock()
	left := q.blocks
	if q.current != nil && q.current.memory {
		left = append([]*Batch{q.current}, left...)
	}
	q.blocks, q.current, q.finished = nil, nil, true
	q.mu.Unlock()
	var err error
	lost := int64(0)
	for _, b := range left {
		if b.id > 0 { // the current one, saved
			continue
		}
		if q.store == nil {
			lost += int64(b.lines - b.acked)
			continue
		}
		if e := q.saveBlock(b); e != nil {
			err = cmp.Or(err, e)
			lost += int64(b.lines - b.acked)
		}
	}
	if q.store != nil {
		err = errors.Join(err, q.store.Close())
	}
	if lost > 0 {
		q.count.drop(dropEnd, lost)
		if err == nil {
			return &LostError{Lines: lost}
		}
		return &LostError{Lines: lost, Err: err}
	}
	return err
}

// LostError says how many lines were neither delivered nor put on the disk at the end.
type LostError struct {
	Lines int64
	Err   error // of the disk; nil if there is none
}

// Error implements error.
func (e *LostError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%d lines are lost: set a spool directory to keep what waits at the end", e.Lines)
	}
	return fmt.Sprintf("%d lines are lost: %v", e.Lines, e.Err)
}

// Unwrap returns what is wrong with the disk.
func (e *LostError) Unwrap() error { return e.Err }
