package queue

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/spreadd/spreadd/logs/internal/spool"
)

const (
	// saveRetry is the pause after a failed write to the spool.
	saveRetry = time.Second
	// fullRetry is the pause after the spool was full.
	fullRetry = 100 * time.Millisecond
	// syncInterval is how often what was written to the spool is made durable.
	syncInterval = time.Second
)

// Run saves lines that have waited for long enough until ctx ends. With [Config.Slots] it also adopts what other processes
// have left. Without a spool it returns at once.
func (q *Queue) Run(ctx context.Context) {
	if q.cfg.Spool == "" {
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { q.saveUntil(ctx) })
	wg.Go(func() { q.syncUntil(ctx) })
	if q.cfg.Slots > 0 {
		wg.Go(func() { q.tendUntil(ctx) })
	}
	wg.Wait()
}

func (q *Queue) saveUntil(ctx context.Context) {
	q.setSaving(true)
	defer q.setSaving(false)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait, err := q.saveDue(q.cfg.BatchDelay + q.cfg.SpoolAfter)
		timer.Reset(wait)
		due := q.due
		if err != nil {
			due = nil // otherwise each line would try a disk that fails
		}
		select {
		case <-ctx.Done():
			return
		case <-due:
		case <-timer.C:
		}
	}
}

func (q *Queue) setSaving(is bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.saving = is
}

func (q *Queue) syncUntil(ctx context.Context) {
	t := time.NewTicker(syncInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-q.hasty:
		}
		q.Sync()
	}
}

// SyncSoon has [Queue.Run] sync at once, rather than within a second.
func (q *Queue) SyncSoon() { signal(q.hasty) }

// Sync makes durable what was written to the spool. [Queue.Durable] says how far that succeeded.
func (q *Queue) Sync() {
	q.shelf.Sync()
	q.mu.Lock()
	safe, st := q.safe(), q.disk.store
	q.mu.Unlock()
	if st == nil {
		return
	}
	if err := st.Sync(); err != nil {
		q.spoolFailed(err)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.disk.store == st {
		q.disk.synced = max(q.disk.synced, safe)
	}
}

func (q *Queue) syncStore() error {
	if st := q.behind(); st != nil {
		return st.Sync()
	}
	return nil
}

// Save writes to the spool whatever is in memory only, as far as there is room, and makes it durable.
func (q *Queue) Save() {
	_, _ = q.saveDue(0) // was logged; what is not saved is counted by Close
	q.Sync()
}

// saveDue saves blocks that are older than after. With the first it saves all that would follow within most of that time, so that
// blocks that come one by one do not cost a wake-up each. It returns how long it may take until there is more to do.
func (q *Queue) saveDue(after time.Duration) (wait time.Duration, err error) {
	for ahead := time.Duration(0); ; ahead = after * 3 / 4 {
		q.ackOwed()
		b, st, wait := q.toSave(after - ahead)
		if b == nil {
			return wait + ahead, nil
		}
		err := q.saveBlock(b, st)
		q.markSaved(b, st, err)
		switch {
		case errors.Is(err, spool.ErrFull):
			return fullRetry, err
		case err != nil:
			return saveRetry, err
		}
	}
}

// SaveSoon has Run save what was put so far without waiting for SpoolAfter. It does not wait for the
// disk itself.
func (q *Queue) SaveSoon() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hurried = q.next - 1
	if q.disk.store != nil {
		signal(q.due)
	}
}

// toSave returns the oldest block that has to be saved, as one in use, and where to; or nil and how long it may take until there
// is one.
func (q *Queue) toSave(after time.Duration) (b *Block, st Store, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.disk.store == nil {
		return nil, nil, noWait
	}
	if b = q.memory.unsaved(); b == nil {
		return nil, nil, noWait
	}
	if age := time.Since(b.born); age < after && b.first > q.hurried && q.memory.size < q.memory.limit/2 {
		return nil, nil, after - age
	}
	b.sealed = true
	b.users++
	return b, q.disk.store, 0
}

// saveBlock appends a block to the spool. If that is full, it drops the oldest lines there, if it may.
func (q *Queue) saveBlock(b *Block, st Store) error {
	q.saveBuf = q.format.encode(q.saveBuf[:0], b)
	rec := spool.Record{ID: b.last, Lines: b.Lines, Data: q.saveBuf}
	for {
		err := st.Append(rec)
		if !errors.Is(err, spool.ErrFull) || !q.cfg.DropOldest {
			return err
		}
		q.ackOwed() // what is delivered must not count as dropped
		d, err := st.DropOldest()
		if d.Records == 0 && d.Last == 0 {
			return spool.ErrFull
		}
		q.count.drop(DropSpool, d.Lines, d.Bytes)
		q.forget(d.Last)
		signal(q.dropping)
		if err != nil {
			q.spoolFailed(err)
		}
	}
}

// markSaved notes whether a block of toSave was saved.
func (q *Queue) markSaved(b *Block, st Store, err error) {
	q.mu.Lock()
	upTo := uint64(0)
	if err == nil {
		q.count.spooled.Add(int64(b.Lines))
		q.count.spooledBytes.Add(int64(len(b.Data)))
		if q.disk.store == st {
			b.saved, q.disk.saved = true, b.last
			if q.done >= b.first { // it was delivered meanwhile, or a part of it
				upTo = min(q.done, b.last)
			}
			signal(q.room)
		}
	}
	q.memory.letGo(b)
	q.mu.Unlock()
	q.ackStore(st, upTo)
	if err != nil {
		q.spoolFailed(err)
		return
	}
	q.spoolWorks()
}

// spoolFailed counts a failure of the spool, and logs the first of a row. A full spool is logged, but not counted as a failure.
func (q *Queue) spoolFailed(err error) {
	full := errors.Is(err, spool.ErrFull)
	q.mu.Lock()
	before := q.disk.trouble
	q.disk.trouble = err
	q.mu.Unlock()
	if !full {
		q.count.errors.Add(1)
	}
	switch {
	case before != nil && errors.Is(before, spool.ErrFull) == full:
	case full:
		q.cfg.Report.Warn("spool full, keeping lines in memory", "spool_bytes", q.cfg.SpoolBytes, "error", err)
	default:
		q.cfg.Report.Error("spool failed, keeping lines in memory; will keep retrying", "error", err)
	}
}

// spoolWorks logs that the spool takes lines again.
func (q *Queue) spoolWorks() {
	q.mu.Lock()
	before := q.disk.trouble
	q.disk.trouble = nil
	q.mu.Unlock()
	if before != nil {
		q.cfg.Report.Warn("spool takes lines again")
	}
}
