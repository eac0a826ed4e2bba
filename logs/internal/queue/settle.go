package queue

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"time"
)

// Settle says that the lines of one taken block are delivered, while blocks before it may not be. Like Ack, it is about blocks
// that never come again in this process. In the spool a block stays until all before it are settled.
func (q *Queue) Settle(id uint64) { q.settleBlock(id, -1, -1) }

// Pass says that a taken block needs no delivery any more, of which so many lines are delivered: TakeAgain no longer has it, or the
// other lines were put again ([Queue.PutBlock]).
func (q *Queue) Pass(id uint64, lines, bytes int) { q.settleBlock(id, lines, bytes) }

// settleBlock settles a block. Lines and bytes that are negative mean all of it.
func (q *Queue) settleBlock(id uint64, lines, bytes int) {
	q.mu.Lock()
	i, ok := slices.BinarySearchFunc(q.taken, id, func(f flight, id uint64) int { return cmp.Compare(f.last, id) })
	if !ok || q.taken[i].over {
		q.mu.Unlock()
		return
	}
	f := &q.taken[i]
	if lines < 0 {
		lines, bytes = f.lines, f.bytes
	}
	if f.last > q.done { // otherwise it was dropped and counted meanwhile
		q.count.delivered.Add(int64(lines))
		q.count.deliveredBytes.Add(int64(bytes))
	}
	f.over, f.stays = true, q.cfg.Spool != ""
	if at := q.memory.find(id); at < len(q.memory.blocks) && q.memory.blocks[at].last == id {
		f.stays = q.memory.blocks[at].saved
		q.memory.remove(at, 1)
	}
	q.land(0)
	st, upTo := q.disk.store, min(q.done, q.disk.saved)
	q.mu.Unlock()
	q.ackStore(st, upTo)
	signal(q.wake)
}

// Took reports whether Take has got as far as an ID.
func (q *Queue) Took(id uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.cursor > id
}

// Done returns the ID up to which all lines are delivered, lost or dropped.
func (q *Queue) Done() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.done
}

// Finished reports whether nothing more is put.
func (q *Queue) Finished() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.finished
}

// Rereader is the memory of [Queue.TakeAgain]: the block that was read from the spool last, and one that could not be read, with the
// time since when. Its zero value is empty.
type Rereader struct {
	block Block
	bad   uint64
	since time.Time
}

// TakeAgain returns a block that was taken and is not settled, to be sent again; nil if its lines are lost or were left in a
// spool that cannot be read. The block stays as it is until [Queue.LetGo], which must come before the next call with this Rereader.
// The error is that of reading the spool. If that lasts, and others may adopt the spool, it is left for later.
func (q *Queue) TakeAgain(id uint64, r *Rereader) (*Block, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if at := q.memory.find(id); at < len(q.memory.blocks) && q.memory.blocks[at].last == id {
		b := q.memory.blocks[at]
		b.users++
		return b, nil
	}
	st := q.disk.store
	if st == nil || id <= q.done || id > q.disk.saved {
		return nil, nil
	}
	q.mu.Unlock()
	rec, err := st.Read(id, r.block.disk)
	q.damaged(st)
	q.mu.Lock()
	switch {
	case errors.Is(err, io.EOF), err == nil && rec.ID != id:
		return nil, nil
	case err != nil:
		if r.since.IsZero() {
			r.bad, r.since = id, time.Now()
		}
		giveUp := q.cfg.Slots > 0 && time.Since(r.since) >= readPatience
		q.mu.Unlock()
		q.spoolFailed(err)
		if giveUp {
			r.since = time.Time{}
			q.abandon(st)
		}
		q.mu.Lock()
		return nil, err
	}
	if id == r.bad {
		r.since = time.Time{}
	}
	b := &r.block
	*b = Block{Runs: b.Runs[:0], first: rec.ID - uint64(rec.Lines) + 1, last: rec.ID, disk: rec.Data, sealed: true, saved: true}
	if err := q.format.decode(b, rec, 0); err != nil {
		q.mu.Unlock()
		q.lost(int64(rec.Lines), int64(len(rec.Data)), err)
		q.mu.Lock()
		return nil, nil
	}
	b.users++
	return b, nil
}
