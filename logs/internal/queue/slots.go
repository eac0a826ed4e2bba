package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spreadd/spreadd/internal/pause"
	"github.com/spreadd/spreadd/logs/internal/spool"
)

const (
	// tendInterval is how often a shared spool directory is checked: for slots that other processes have left
	// behind, such as one that ran on for a while beside its successor, and for a new slot if ours has failed.
	tendInterval = 30 * time.Second
	// adoptRetry is the pause before adoption checks again whether a full queue has room.
	adoptRetry = 10 * time.Millisecond
)

// openSlot opens the spool. In a shared directory that is the first slot that nobody uses and that, if want is not
// nil, want accepts.
func (q *Queue) openSlot(want func(dir string) bool) (st Store, dir string, found spool.Recovery, err error) {
	return q.firstSlot(want, false)
}

// emptySlot opens the first slot of a shared directory that nobody uses, that has no lines, and that is not refused. It does not wait
// for processes that are about to end.
func (q *Queue) emptySlot(refused map[string]bool) (st Store, dir string, err error) {
	st, dir, _, err = q.firstSlot(func(dir string) bool { return spool.Empty(q.cfg.Disk, dir) && !refused[dir] }, true)
	return st, dir, err
}

func (q *Queue) firstSlot(want func(dir string) bool, noWait bool) (st Store, dir string, found spool.Recovery, err error) {
	cfg := spool.Config{Dir: q.cfg.Spool, MaxBytes: q.cfg.SpoolBytes, Disk: q.cfg.Disk, NoWait: noWait}
	if q.cfg.Slots == 0 {
		st, found, err = q.cfg.Open(cfg)
		return st, cfg.Dir, found, err
	}
	for i := range q.cfg.Slots {
		cfg.Dir = filepath.Join(q.cfg.Spool, strconv.Itoa(i))
		if want != nil && !want(cfg.Dir) {
			continue
		}
		st, found, err = q.cfg.Open(cfg)
		if !errors.Is(err, spool.ErrLocked) {
			return st, cfg.Dir, found, err
		}
	}
	return nil, "", found, fmt.Errorf("%s: all of its %d slots are in use", q.cfg.Spool, q.cfg.Slots)
}

// abandon goes on without a spool that cannot be read. Its files stay, and are adopted once they can be read.
func (q *Queue) abandon(st Store) {
	q.mu.Lock()
	if q.disk.store != st {
		q.mu.Unlock()
		return // another goroutine was first
	}
	_, lines, _ := st.Waiting()
	for _, b := range q.memory.blocks {
		if b.saved {
			lines -= int64(b.Lines)
			b.saved = false
		}
	}
	q.disk = disk{}
	signal(q.wake)
	q.checkDrained()
	q.mu.Unlock()
	q.count.abandoned.Add(lines)
	q.cfg.Report.Error("cannot read spool, leaving its files for later; lines wait in memory only", "lines", lines)
	_ = st.Close() // its failure was logged
}

// tendUntil looks after a shared spool directory until ctx ends.
func (q *Queue) tendUntil(ctx context.Context) {
	for first := true; ctx.Err() == nil; first = false {
		if q.behind() == nil {
			q.reopen()
		}
		for q.adopt(ctx) && ctx.Err() == nil {
		}
		if first {
			q.mu.Lock()
			q.adopting = false
			q.checkDrained()
			q.mu.Unlock()
			signal(q.wake)
		}
		_ = pause.For(ctx, tendInterval)
	}
}

// reopen puts an empty slot behind a queue that has none.
func (q *Queue) reopen() {
	refused := make(map[string]bool)
	for {
		st, dir, err := q.emptySlot(refused)
		if err != nil {
			return // logged before; the next interval retries
		}
		if q.attach(st) {
			q.cfg.Report.Info("spool can be used again", "dir", dir)
			return
		}
		refused[dir] = true
		_ = st.Close() // nothing was written
	}
}

// adoption is a slot that another process has left, on its way into this queue.
type adoption struct {
	st    Store
	given []given // blocks of the queue that are not acknowledged in the slot
}

// given is a record and the ID of the block that it became.
type given struct{ record, block uint64 }

// settle acknowledges in a slot what is safe elsewhere by now.
func (q *Queue) settle(a *adoption) error {
	safe := q.Safe()
	n := 0
	for n < len(a.given) && a.given[n].block <= safe {
		n++
	}
	if n == 0 {
		return nil
	}
	if err := q.syncStore(); err != nil { // otherwise a power cut could take the lines from both slots
		return err
	}
	last := a.given[n-1].record
	a.given = a.given[n:]
	return a.st.Ack(last)
}

// adopt takes over a slot that nobody uses and that has lines. It returns false if no slot is such a one, or if something
// of it stays.
func (q *Queue) adopt(ctx context.Context) bool {
	st, dir, found, err := q.openSlot(func(dir string) bool { return !spool.Empty(q.cfg.Disk, dir) })
	if err != nil {
		return false // or it cannot be used yet
	}
	q.cfg.Report.Info("adopting lines of another process", "lines", found.Lines, "dir", dir)
	a := &adoption{st: st}
	q.adopted = append(q.adopted, a)
	var buf []byte
	var whole bool
	for id := uint64(1); ; {
		rec, err := st.Read(id, buf)
		q.damaged(st)
		if err != nil {
			if whole = errors.Is(err, io.EOF); !whole {
				q.cfg.Report.Warn("cannot read lines of another process; will retry later", "error", err)
			}
			break
		}
		buf, id = rec.Data, rec.ID+1
		q.count.recovered.Add(int64(rec.Lines))
		var b Block
		if err := q.format.decode(&b, rec, st.Acked()); err != nil {
			q.lost(int64(rec.Lines), int64(len(rec.Data)), err)
			a.given = append(a.given, given{record: rec.ID}) // so that it does not stay, and is not counted again
			continue
		}
		block, ok := q.putBlock(ctx, &b)
		if !ok {
			q.count.recovered.Add(-int64(rec.Lines))
			return false // the rest is for the next process
		}
		a.given = append(a.given, given{rec.ID, block})
		q.settleNow(a)
	}
	for len(a.given) > 0 && ctx.Err() == nil {
		_ = pause.For(ctx, fullRetry)
		q.settleNow(a)
	}
	if len(a.given) == 0 {
		q.adopted = q.adopted[:len(q.adopted)-1]
		if err := a.st.Close(); err != nil {
			q.spoolFailed(err)
		}
	}
	return whole && len(a.given) == 0 && spool.Empty(q.cfg.Disk, dir)
}

func (q *Queue) settleNow(a *adoption) {
	if err := q.settle(a); err != nil {
		q.spoolFailed(err)
	}
}

// putBlock puts a block that was numbered elsewhere, as soon as putters have left room for it, and returns its ID. It fails
// if ctx ends first.
func (q *Queue) putBlock(ctx context.Context, from *Block) (id uint64, ok bool) {
	for {
		if id, ok = q.PutBlock(from); ok {
			return id, true
		}
		select {
		case <-ctx.Done():
			return 0, false
		case <-time.After(adoptRetry):
		}
	}
}

// PutBlock puts a copy of a block whose lines have numbers, if there is room for it, and returns its ID.
func (q *Queue) PutBlock(from *Block) (id uint64, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(from.Data)
	if !q.fits(n) {
		return 0, false
	}
	b := q.newBlock(max(n, q.memory.common), max(n, q.memory.common))
	b.Data, b.Runs, b.skip = append(b.Data, from.Data...), append(b.Runs, from.Runs...), from.skip
	b.Origin, b.sealed = from.Origin, true
	if !from.born.IsZero() {
		b.born = from.born
	}
	q.grow(b, from.Lines)
	signal(q.wake)
	return b.last, true
}
