package queue

import (
	"errors"
	"io"
	"slices"
	"time"
)

const (
	// readRetry is the pause after a failed read of the spool.
	readRetry = time.Second
	// readPatience is how long reads may fail before what cannot be read is given up.
	readPatience = 10 * time.Second
	// noWait stands for a wait that a signal ends.
	noWait = time.Hour
)

// reader is the taker's state: what it reads from the spool.
type reader struct {
	block   Block     // the last one; its buffers are reused
	failing time.Time // since when reads fail; zero if they do not
	retryAt time.Time
}

// Take returns the block at the cursor, wherever it is, and moves the cursor behind it. If there is none, it returns nil and for
// how long to wait, at most, before the next try; a value from [Queue.Wake] ends the wait earlier. The block stays as it is
// until [Queue.LetGo], which must come before the next Take; after that it may hold other lines.
func (q *Queue) Take() (b *Block, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if b, wait = q.takeSaved(); b != nil || wait > 0 {
		return b, wait
	}
	i := q.memory.find(q.cursor)
	if i == len(q.memory.blocks) {
		return nil, noWait
	}
	b = q.memory.blocks[i]
	if delay := q.cfg.BatchDelay; delay > 0 && !b.sealed && !q.finished {
		if age := time.Since(b.born); age < delay {
			return nil, delay - age
		}
	}
	b.sealed = true
	q.take(b)
	return b, 0
}

// take notes that a block was taken. It needs q.mu.
func (q *Queue) take(b *Block) {
	b.users++
	q.cursor = b.last + 1
	q.taken = append(q.taken, flight{last: b.last, lines: b.Lines - b.skip, bytes: len(b.Data)})
}

// Wake returns a channel that has a value after something was put, acknowledged or finished.
func (q *Queue) Wake() <-chan struct{} { return q.wake }

// AllTaken reports whether Take has returned every line, those of slots that others have left included.
func (q *Queue) AllTaken() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.cursor >= q.next && !q.adopting
}

// Few reports whether the next block is the newest and less than half full.
func (q *Queue) Few() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.cursor <= q.disk.evicted {
		return false
	}
	i := q.memory.find(q.cursor)
	return i == len(q.memory.blocks)-1 && len(q.memory.blocks[i].Data) < q.cfg.BatchBytes/2
}

// Busy reports whether more than a quarter of the memory is in use.
func (q *Queue) Busy() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.memory.size > q.memory.limit/4
}

// NearlyFull reports whether more than half of the memory or three quarters of the spool are in use.
func (q *Queue) NearlyFull() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if st := q.disk.store; st != nil {
		if _, _, size := st.Waiting(); size > q.cfg.SpoolBytes/4*3 {
			return true
		}
	}
	return q.memory.size > q.memory.limit/2
}

// LetGo says that the taker no longer reads a block.
func (q *Queue) LetGo(b *Block) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.memory.letGo(b)
}

// InFlight returns how many blocks are taken and not acknowledged.
func (q *Queue) InFlight() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.taken)
}

// Ack says that a block and all blocks before it are delivered. They never come again.
func (q *Queue) Ack(id uint64) {
	q.mu.Lock()
	q.land(id)
	st, upTo := q.disk.store, min(q.done, q.disk.saved)
	q.mu.Unlock()
	q.ackStore(st, upTo)
	signal(q.wake)
}

// land takes the flights up to an ID off the list. It needs q.mu.
func (q *Queue) land(id uint64) {
	n := 0
	for ; n < len(q.taken) && (q.taken[n].over || q.taken[n].last <= id); n++ {
		f := &q.taken[n]
		if !f.over && f.last > q.done { // otherwise it was dropped and counted meanwhile
			q.count.delivered.Add(int64(f.lines))
			q.count.deliveredBytes.Add(int64(f.bytes))
		}
		q.done = max(q.done, f.last)
	}
	q.taken = slices.Delete(q.taken, 0, n)
	q.memory.remove(0, q.memory.find(q.done+1))
	signal(q.room)
	q.checkDrained()
}

// ackStore has the spool note up to which ID lines are delivered, or Run with [Config.LateAcks].
func (q *Queue) ackStore(st Store, upTo uint64) {
	if st == nil || upTo == 0 {
		return
	}
	q.mu.Lock()
	if q.disk.store == st {
		q.disk.owed = max(q.disk.owed, upTo)
	}
	later := q.saving && q.cfg.LateAcks
	q.mu.Unlock()
	if !later {
		q.ackOwed()
	}
	signal(q.due) // the spool may have room again
}

// ackOwed notes in the spool what ackStore has left. A failure changes nothing for this process.
func (q *Queue) ackOwed() {
	q.mu.Lock()
	st, upTo := q.disk.store, q.disk.owed
	q.disk.owed = 0
	q.mu.Unlock()
	if upTo == 0 {
		return
	}
	if err := st.Ack(upTo); err != nil {
		q.spoolFailed(err)
	}
}

// Rewind makes the taker start again with what is not acknowledged.
func (q *Queue) Rewind() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.cursor, q.taken = q.done+1, q.taken[:0]
	for i := 0; i < len(q.memory.blocks) && q.memory.blocks[i].last <= q.done; {
		if q.memory.blocks[i].users > 0 {
			i++
			continue
		}
		q.memory.remove(i, 1) // was dropped while it was in flight
	}
	q.checkDrained()
}

// takeSaved returns the block at the cursor if it is in the spool only; or, if the spool cannot be read, how long to
// wait. It needs q.mu, which it releases while it reads.
func (q *Queue) takeSaved() (b *Block, wait time.Duration) {
	r := &q.reader
	for q.disk.store != nil && q.cursor <= q.disk.evicted {
		if wait := time.Until(r.retryAt); wait > 0 {
			return nil, wait
		}
		cursor, evicted, st := q.cursor, q.disk.evicted, q.disk.store
		q.mu.Unlock()
		rec, err := st.Read(cursor, r.block.disk)
		q.damaged(st)
		q.mu.Lock()
		switch {
		case errors.Is(err, io.EOF), err == nil && rec.ID > q.disk.evicted:
			q.cursor = max(q.cursor, evicted+1)
			q.passOver(evicted)
			continue
		case err != nil:
			q.unreadable(err)
			continue
		}
		r.failing = time.Time{}
		r.block = Block{Runs: r.block.Runs[:0], first: cursor, last: rec.ID, disk: rec.Data, sealed: true, saved: true}
		if err := q.format.decode(&r.block, rec, q.done); err != nil {
			q.cursor = rec.ID + 1
			q.passOver(rec.ID)
			q.mu.Unlock()
			q.lost(int64(rec.Lines), int64(len(rec.Data)), err)
			q.mu.Lock()
			continue
		}
		q.take(&r.block)
		return &r.block, 0
	}
	return nil, 0
}

// passOver notes that lines up to an ID are lost. If nothing before them is in flight, they are done, and otherwise they are once
// that has landed. It needs q.mu, which it releases while it writes.
func (q *Queue) passOver(id uint64) {
	if id <= q.done {
		q.checkDrained()
		return
	}
	q.taken = append(q.taken, flight{last: id, over: true})
	if len(q.taken) > 1 {
		return
	}
	q.land(0)
	st, upTo := q.disk.store, min(q.done, q.disk.saved)
	q.mu.Unlock()
	q.ackStore(st, upTo)
	q.mu.Lock()
}

func (q *Queue) damaged(st Store) {
	for _, d := range st.Damage() {
		q.lost(d.Lines, d.Bytes, errors.New(d.String()))
	}
}

// lost counts and logs lines that the spool no longer has.
func (q *Queue) lost(lines, bytes int64, why error) {
	q.count.damaged.Add(1)
	q.count.drop(DropDamage, lines, bytes)
	q.cfg.Report.Error("spool damaged, lines lost", "lines", lines, "error", why)
}

// unreadable deals with a spool that cannot be read. At first it waits. Then it leaves the files for later if others may
// adopt them, or gives up the oldest file. It needs q.mu, which it releases.
func (q *Queue) unreadable(err error) {
	r := &q.reader
	now := time.Now()
	if r.failing.IsZero() {
		r.failing = now
	}
	st := q.disk.store
	giveUp := now.Sub(r.failing) >= readPatience
	if giveUp {
		r.failing = time.Time{}
	} else {
		r.retryAt = now.Add(readRetry)
	}
	q.mu.Unlock()
	defer q.mu.Lock()
	q.spoolFailed(err)
	switch {
	case !giveUp:
	case q.cfg.Slots > 0:
		q.abandon(st)
	default:
		d, dropErr := st.DropOldest()
		q.lost(d.Lines, d.Bytes, errors.Join(err, dropErr))
		last := d.Last
		if last == 0 { // nothing of it is left
			last = st.Last()
		}
		q.forget(last)
	}
}

// forget drops from memory the lines that the spool has dropped, up to an ID.
func (q *Queue) forget(last uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.done = max(q.done, last)
	for i := 0; i < len(q.memory.blocks) && q.memory.blocks[i].last <= last; {
		if b := q.memory.blocks[i]; b.users == 0 && b.last >= q.cursor {
			q.memory.remove(i, 1)
			continue
		}
		i++
	}
	q.cursor = max(q.cursor, last+1)
	signal(q.room)
	q.checkDrained()
}
