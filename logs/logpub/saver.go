package logpub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spreadd/spreadd/logs/internal/spool"
)

const (
	// spoolRetry is how long after a failure of the disk it is tried again.
	spoolRetry = time.Second
	// spoolFullRetry is how often a spool that was full is asked again.
	spoolFullRetry = 100 * time.Millisecond
	// spoolPatience is for how long the sender waits for a spool that it cannot read,
	// before it goes on with what is in memory.
	spoolPatience = 10 * time.Second
	// spoolSync is how often what has been written to the spool is made durable.
	spoolSync = time.Second
	// maxSlots is how many processes may share a spool directory.
	maxSlots = 64
)

// store is what the queue needs of a *spool.Spool.
type store interface {
	Append(r spool.Record) error
	Read(id uint64, buf []byte) (spool.Record, error)
	Ack(id uint64) error
	DropOldest() (spool.Dropped, error)
	Segments() int
	Waiting() (records, lines, size int64)
	Last() uint64
	Damage() []spool.Damage
	Sync() error
	Close() error
}

// openSlot opens the first slot of a spool directory that nobody uses and that, if want is
// not nil, it wants.
func (c *Config) openSlot(want func(dir string) bool) (st store, dir string, found spool.Recovery, err error) {
	for i := range maxSlots {
		dir = filepath.Join(c.Spool, strconv.Itoa(i))
		if want != nil && !want(dir) {
			continue
		}
		st, found, err = c.open(spool.Config{Dir: dir, MaxBytes: c.SpoolBytes})
		if !errors.Is(err, spool.ErrLocked) {
			return st, dir, found, err
		}
	}
	return nil, "", found, fmt.Errorf("%s: all of its %d slots are in use", c.Spool, maxSlots)
}

// openSpool opens what is behind the queue, if it is configured and can be opened.
func (p *Publisher) openSpool() {
	if p.cfg.Spool == "" {
		return
	}
	st, _, found, err := p.cfg.openSlot(nil)
	if err != nil {
		p.cfg.Log.Error("cannot open the spool: going on with memory only, trying again", slog.Any("error", err))
		return
	}
	p.count.recovered.Add(found.Lines)
	for _, d := range found.Damage {
		p.count.damaged.Add(1)
		p.cfg.Log.Warn("found damage in the spool", slog.String("damage", d.String()))
	}
	if found.Records > 0 {
		p.cfg.Log.Info("found lines in the spool, sending them first", slog.Int64("lines", found.Lines))
	}
	var first mark
	if found.Records > 0 {
		// What cannot be read now is told when it is to be sent.
		if rec, err := st.Read(1, nil); err == nil {
			first = mark{rec.ID, bornOf(rec.Data)}
		}
	}
	p.queue.attach(st, first)
}

// damaged tells of damage that was found while reading.
func (p *Publisher) damaged(found []spool.Damage) {
	for _, d := range found {
		p.count.damaged.Add(1)
		p.drop(dropDamaged, d.Lines, d.Bytes)
		p.cfg.Log.Error("lines in the spool are lost by damage", slog.Int64("lines", d.Lines), slog.String("damage", d.String()))
	}
}

// syncUntil makes durable what has been written to the spool, until ctx ends.
func (p *Publisher) syncUntil(ctx context.Context) {
	t := time.NewTicker(spoolSync)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		p.syncSpool()
	}
}

func (p *Publisher) syncSpool() {
	if st := p.queue.behind(); st != nil {
		if err := st.Sync(); err != nil {
			p.spoolTrouble(err)
		}
	}
}

// behind returns what is behind the queue, or nil.
func (q *queue) behind() store {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.store
}

// attach puts a store behind the queue, whose records are older than all blocks in
// memory. first tells of the first of them, as far as that is known.
func (q *queue) attach(st store, first mark) {
	q.mu.Lock()
	defer q.mu.Unlock()
	last := st.Last()
	if len(q.blocks) == 0 {
		q.next = max(q.next, last+1)
	}
	q.store, q.saved, q.evicted, q.forgot = st, last, last, 0
	q.marks.clear()
	q.marks.met(first.id, first.born)
	if _, lines, _ := st.Waiting(); lines == 0 {
		q.evicted = 0
		q.cursor = max(q.cursor, last+1)
	}
	signal(q.unsaved)
}

// takeSaved returns the block at the cursor if it is in the spool alone. It needs q.mu,
// which it gives away while it reads.
func (q *queue) takeSaved() (*block, error) {
	for q.cursor <= q.evicted {
		cursor, evicted, st := q.cursor, q.evicted, q.store
		if q.disk == nil {
			q.disk = &block{}
		}
		b := q.disk
		q.mu.Unlock()
		rec, err := st.Read(cursor, b.disk)
		if err == nil {
			b.disk = rec.Data
		}
		if d := st.Damage(); len(d) > 0 {
			q.onDamage(d)
		}
		q.mu.Lock()
		switch {
		case errors.Is(err, io.EOF), err == nil && rec.ID > q.evicted:
			q.cursor = max(q.cursor, evicted+1)
			q.checkDrained()
			continue
		case err != nil:
			return nil, err
		}
		b.id, b.sealed, b.saved, b.users = rec.ID, true, true, 1
		q.cursor = rec.ID + 1
		if err := decodeBlock(b, rec.Data); err != nil {
			return nil, &lostError{lines: rec.Lines, bytes: len(rec.Data), err: err}
		}
		if q.flying == 0 {
			q.marks.met(b.id, b.born)
		}
		q.flying++
		return b, nil
	}
	return nil, nil
}

// lostError means that a record has been passed over.
type lostError struct {
	lines, bytes int
	err          error
}

func (e *lostError) Error() string { return e.err.Error() }

// toSave returns the oldest block that has to be saved, sealed and with its number of users raised, and
// where to; or nil and how long it may take until there is one.
func (q *queue) toSave(after time.Duration) (b *block, st store, wait time.Duration) {
	const long = time.Hour // there will be a signal
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.store == nil {
		return nil, nil, long
	}
	for _, b := range q.blocks {
		if b.saved {
			continue
		}
		if age := time.Since(b.born); age < after && q.size < q.limit/2 {
			return nil, nil, after - age
		}
		b.sealed = true
		b.users++
		return b, q.store, 0
	}
	return nil, nil, long
}

// markSaved says whether a block of toSave has been saved.
func (q *queue) markSaved(b *block, st store, ok bool) {
	q.mu.Lock()
	b.users--
	sent := false
	if ok && q.store == st {
		b.saved, q.saved = true, b.id
		if sent = b.id <= q.acked; sent { // meanwhile
			q.forgot = b.id
		}
		signal(q.room)
	}
	q.mu.Unlock()
	if sent {
		_ = st.Ack(b.id) // or the next process sends it once more
	}
}

// forget drops the blocks up to an ID that the spool has dropped.
func (q *queue) forget(last uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lost = max(q.lost, last)
	q.forgot = max(q.forgot, last)
	for i := 0; i < len(q.blocks) && q.blocks[i].id <= last; {
		if b := q.blocks[i]; b.users == 0 && b.id >= q.cursor {
			q.remove(i, 1)
			continue
		}
		i++
	}
	q.cursor = max(q.cursor, last+1)
	signal(q.room)
	q.checkDrained()
}

// detach takes the store away, and returns how many lines are in it alone.
func (q *queue) detach() (st store, lines int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.store == nil {
		return nil, 0
	}
	st, q.store, q.evicted = q.store, nil, 0
	q.marks.clear()
	_, lines, _ = st.Waiting()
	for _, b := range q.blocks {
		if b.saved {
			lines -= int64(b.count())
			b.saved = false
		}
	}
	signal(q.wake)
	q.checkDrained()
	return st, lines
}

// saveUntil saves blocks that have waited for their time until ctx ends.
func (p *Publisher) saveUntil(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait, err := p.saveDue(p.cfg.SpoolAfter)
		timer.Reset(wait)
		unsaved := p.queue.unsaved
		if err != nil {
			unsaved = nil // a disk that is full would be asked with each line
		}
		select {
		case <-ctx.Done():
			return
		case <-unsaved:
		case <-timer.C:
		}
	}
}

// saveDue saves blocks that are older than some time, and returns how long it may take until
// there is more to do.
func (p *Publisher) saveDue(after time.Duration) (wait time.Duration, err error) {
	for {
		b, st, wait := p.queue.toSave(after)
		if b == nil {
			return wait, nil
		}
		err := p.saveBlock(b, st)
		p.queue.markSaved(b, st, err == nil)
		switch {
		case errors.Is(err, spool.ErrFull):
			return spoolFullRetry, err
		case err != nil:
			return spoolRetry, err
		}
		p.spoolFull = false
		if p.spoolFailing.Swap(false) {
			p.cfg.Log.Info("the spool works again")
		}
	}
}

// saveBlock appends a block to the spool, as the policy says if that is full.
func (p *Publisher) saveBlock(b *block, st store) error {
	p.spoolBuf = appendBlock(p.spoolBuf[:0], b)
	rec := spool.Record{ID: b.id, Lines: b.count(), Data: p.spoolBuf}
	for {
		err := st.Append(rec)
		switch {
		case err == nil:
			p.count.spooled.Add(int64(rec.Lines))
			p.count.spooledBytes.Add(int64(len(b.lines)))
			return nil
		case errors.Is(err, spool.ErrFull) && p.cfg.Policy == DropOldest:
			d, err := st.DropOldest()
			if d.Records == 0 && d.Last == 0 {
				return spool.ErrFull
			}
			p.drop(dropSpool, d.Lines, d.Bytes)
			p.queue.forget(d.Last)
			signal(p.dropping)
			if err != nil {
				p.spoolTrouble(err)
			}
		case errors.Is(err, spool.ErrFull):
			if !p.spoolFull {
				p.spoolFull = true
				p.cfg.Log.Warn("the spool is full, memory fills up next", slog.Int64("spool_bytes", p.cfg.SpoolBytes))
			}
			return err
		default:
			p.spoolTrouble(err)
			return err
		}
	}
}

// spoolTrouble tells of a failure of the disk, once until it works again.
func (p *Publisher) spoolTrouble(err error) {
	p.count.spoolErrors.Add(1)
	if !p.spoolFailing.Swap(true) {
		p.cfg.Log.Error("the spool fails: going on with memory only, trying again", slog.Any("error", err))
	}
}
