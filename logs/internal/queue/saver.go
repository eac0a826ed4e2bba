package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spreadd/spreadd/logs/internal/spool"
)

const (
	// saveRetry is how long after a failure of the disk it is tried again.
	saveRetry = time.Second
	// fullRetry is how often a spool that was full is asked again.
	fullRetry = 100 * time.Millisecond
	// readRetry is how long after a failed read it is tried again, and readAttempts how often, before
	// what cannot be read is given up, a segment of the spool at a time.
	readRetry    = time.Second
	readAttempts = 10
	// syncInterval is how often what was written to the spool is made durable.
	syncInterval = time.Second
)

// Run puts on the disk what waits for long until ctx ends. Without a disk it returns at once.
func (q *Queue) Run(ctx context.Context) {
	if q.store == nil {
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	sync := time.NewTicker(syncInterval)
	defer sync.Stop()
	for {
		wait, err := q.saveDue()
		timer.Reset(wait)
		full := q.save
		if err != nil {
			full = nil // or a disk that fails would be asked with each line
		}
		select {
		case <-ctx.Done():
			return
		case <-full:
		case <-timer.C:
		case <-sync.C:
			q.diskFails(q.store.Sync())
		}
	}
}

// saveDue saves what is due, and returns how long it may take until there is more to do.
func (q *Queue) saveDue() (wait time.Duration, err error) {
	for {
		b, wait := q.toSave()
		if b == nil {
			return wait, nil
		}
		err := q.saveBlock(b)
		switch {
		case errors.Is(err, spool.ErrFull):
			return fullRetry, err
		case err != nil:
			return saveRetry, err
		}
	}
}

// toSave returns the oldest block if it is due, or how long it may take until there is one. It is marked as being
// saved.
func (q *Queue) toSave() (b *Batch, wait time.Duration) {
	after := q.cfg.BatchDelay + q.cfg.SpoolAfter
	q.mu.Lock()
	defer q.mu.Unlock()
	if c := q.current; c != nil && c.memory && c.id == 0 {
		b = c
	} else if len(q.blocks) > 0 {
		b = q.blocks[0]
	} else {
		return nil, after
	}
	if age := time.Since(b.born); age < after && q.bytes < q.cfg.LimitBytes/2 {
		return nil, after - age
	}
	b.sealed = true
	q.saving = b
	return b, 0
}

// saveBlock appends a block to the spool. The sink may take and acknowledge it meanwhile.
func (q *Queue) saveBlock(b *Batch) error {
	q.mu.Lock()
	data := b.data
	id := q.lastID + uint64(b.lines) // each line has an ID, so that a part can be acknowledged
	q.mu.Unlock()
	var err error
	if data != nil {
		err = q.store.Append(spool.Record{ID: id, Lines: b.lines, Data: data})
	}
	q.mu.Lock()
	q.saving = nil
	acked := uint64(0)
	if err == nil && data != nil {
		q.count.spooled.Add(int64(b.lines))
		b.id, q.lastID = id, id
		if len(q.blocks) > 0 && q.blocks[0] == b {
			q.blocks[0] = nil
			q.blocks = q.blocks[1:]
			q.release(b)
			signal(q.wake)
		} else { // it is the current one, or was
			q.cursor = id + 1
			if b.acked > 0 {
				acked = id - uint64(b.lines-b.acked)
			}
		}
	}
	q.mu.Unlock()
	if acked > 0 {
		err = q.store.Ack(acked)
	}
	q.diskSays(err)
	return err
}

// diskFails tells of a failure of the disk, if there is one. That it works is known only when lines go there.
func (q *Queue) diskFails(err error) {
	if err != nil {
		q.diskSays(err)
	}
}

// diskSays tells of a failure of the disk, once until it works again.
func (q *Queue) diskSays(err error) {
	q.mu.Lock()
	before := q.trouble
	same := err != nil && before != nil && errors.Is(err, spool.ErrFull) == errors.Is(before, spool.ErrFull)
	q.trouble = err
	q.mu.Unlock()
	if err != nil && !errors.Is(err, spool.ErrFull) {
		q.count.errors.Add(1)
	}
	if same || err == nil && before == nil {
		return
	}
	q.cfg.Report(err)
}

// takeSaved reads the batch at the cursor from the disk; nil if there is none. It needs q.mu, which it gives away
// while it reads.
func (q *Queue) takeSaved() (*Batch, error) {
	for q.cursor <= q.lastID {
		cursor, last := q.cursor, q.lastID
		q.mu.Unlock()
		rec, err := q.store.Read(cursor, q.readBuf)
		damage := q.store.Damage()
		for _, d := range damage {
			q.count.drop(dropDamage, d.Lines)
			q.cfg.Report(errors.New(d.String()))
		}
		if err != nil && !errors.Is(err, io.EOF) {
			err = q.unreadable(err)
		}
		q.mu.Lock()
		switch {
		case errors.Is(err, io.EOF):
			if q.cursor == cursor {
				q.cursor = last + 1
			}
			continue
		case err != nil:
			return nil, err
		}
		q.readErrors, q.readBuf = 0, rec.Data
		q.cursor = rec.ID + 1
		b := &Batch{q: q, data: rec.Data, lines: rec.Lines, sealed: true, id: rec.ID, offset: blockHeaderLen}
		if err := checkBlock(rec.Data, rec.Lines); err != nil || rec.Lines == 0 {
			q.mu.Unlock()
			q.count.drop(dropDamage, int64(rec.Lines))
			q.cfg.Report(fmt.Errorf("%d lines in the spool are lost: %w", rec.Lines, errBlock))
			_ = q.store.Ack(rec.ID) // or the next process finds it again
			q.mu.Lock()
			continue
		}
		if first := rec.ID - uint64(rec.Lines) + 1; cursor > first { // acknowledged in part by the process before
			b.trim(int(cursor - first))
		}
		return b, nil
	}
	return nil, nil
}

// unreadable gives up what cannot be read, after some attempts.
func (q *Queue) unreadable(err error) error {
	q.diskFails(err)
	if q.readErrors++; q.readErrors < readAttempts {
		return err
	}
	q.readErrors = 0
	lost, dropErr := q.store.DropOldest()
	q.count.drop(dropDamage, lost.Lines)
	q.cfg.Report(fmt.Errorf("%d lines in the spool are lost: %w", lost.Lines, errors.Join(err, dropErr)))
	q.mu.Lock()
	defer q.mu.Unlock()
	last := lost.Last
	if last == 0 {
		last = q.lastID // nothing of it is left
	}
	q.cursor = max(q.cursor, last+1)
	return io.EOF
}
