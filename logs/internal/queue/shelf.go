package queue

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/spreadd/spreadd/logs/internal/spool"
)

// ErrNoShelf means that a queue has no shelf, because it has no spool directory with slots.
var ErrNoShelf = errors.New("there is no shelf without a shared spool")

// Shelf keeps blocks of a queue of lines that cannot be delivered for now, so that the others do not wait for them: on disk only, in
// a further slot of the spool, which is open while something is on it. The queue does not have these lines any more. They come
// back, oldest first, when the taker puts them into the queue again. What the process leaves is adopted by the next one.
//
// One goroutine uses a shelf, and waits for the disk; Sync and Waiting may be called from any.
type Shelf struct {
	q *Queue

	mu     sync.Mutex // not held while the disk is busy
	st     Store      // nil while it is empty
	last   uint64     // ID of the last record
	synced uint64     // up to this ID records survive a power cut
	copies int64      // lines on it that the queue has, too, or that are on it twice

	// Of the goroutine that uses it.

	next  next
	end   uint64 // the last record of this round; 0 before it begins
	block Block
	buf   []byte
	given []shelfGiven
	bad   time.Time
}

// next is the record that Next has returned.
type next struct {
	at    uint64 // its ID; 0 for none
	lines int64  // that it has
	back  int64  // of these, lines that are on the shelf again
	again uint64 // the record that has them; 0 for none
}

// shelfGiven is a record whose lines are elsewhere: in a block of the queue, or in a later record, or both. Zero stands for neither.
type shelfGiven struct {
	record, block, again uint64
	lines                int64
}

// Shelf returns the shelf of a queue.
func (q *Queue) Shelf() *Shelf { return &q.shelf }

// Put puts a copy of a block on the shelf. The lines are safe once [Shelf.Safe] reports the ID that it returns. Then the queue is to
// let them go ([Queue.Pass], [Shelf.Moved]). The error is spool.ErrFull if there is no room.
func (s *Shelf) Put(b *Block) (id uint64, err error) { return s.put(b, 0) }

// PutAgain puts lines of the block that Next has returned on the shelf again. rest are its other lines, which Next returns from now
// on. PutAgain uses room that Put does not, because a full shelf could otherwise not be emptied: the other lines of the block would
// have to stay, too.
func (s *Shelf) PutAgain(b, rest *Block) error {
	id, err := s.put(b, s.q.cfg.SpoolBytes/shelfParts+int64(len(b.Data)))
	if err != nil {
		return err
	}
	s.next.again, s.next.back = id, s.next.back+int64(b.Lines)
	s.block = Block{Lines: rest.Lines, Data: rest.Data, Runs: rest.Runs, Origin: rest.Origin, born: s.block.born, disk: s.block.disk}
	return nil
}

// put puts a copy of a block on the shelf, which may be larger than usual by some bytes.
func (s *Shelf) put(b *Block, extra int64) (id uint64, err error) {
	st := s.store()
	if st == nil {
		if st, err = s.open(); err != nil {
			return 0, err
		}
	}
	s.buf = s.q.format.encode(s.buf[:0], b)
	st.SetMax(s.room() + extra)
	id = s.last + 1
	s.copy(int64(b.Lines))
	if err := st.Append(spool.Record{ID: id, Lines: b.Lines, Data: s.buf}); err != nil {
		s.copy(-int64(b.Lines))
		return 0, err
	}
	s.mu.Lock()
	s.last = id
	s.mu.Unlock()
	s.q.count.spooled.Add(int64(b.Lines))
	s.q.count.spooledBytes.Add(int64(len(b.Data)))
	s.limit()
	return id, nil
}

// copy notes that so many more lines on the shelf are elsewhere, too.
func (s *Shelf) copy(lines int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.copies += lines
}

// Moved notes that the queue no longer has lines that were put on the shelf.
func (s *Shelf) Moved(lines int) { s.copy(-int64(lines)) }

// open opens a slot.
func (s *Shelf) open() (Store, error) {
	q := s.q
	if q.cfg.Slots == 0 || q.behind() == nil {
		return nil, ErrNoShelf
	}
	st, _, err := q.emptySlot(nil)
	if err != nil {
		return nil, err
	}
	s.next, s.end, s.given = next{}, 0, nil
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st, s.last = st, st.Last()
	s.synced, s.copies = s.last, 0
	return st, nil
}

// shelfParts is the part of the spool, one of so many, that the queue keeps, however large the shelf is.
// PutAgain may use as much besides.
const shelfParts = 8

// room returns how large Put may make the shelf. Everything that the queue may have fits, because others would wait for lines that
// stay in it. What has moved and is still in a file of the queue's spool counts for both.
func (s *Shelf) room() int64 {
	limit := s.q.cfg.SpoolBytes
	most, part := limit+int64(s.q.cfg.LimitBytes), limit/shelfParts
	if st := s.q.behind(); st != nil {
		_, _, size := st.Waiting()
		most -= max(0, size-part)
	}
	return most
}

// limit leaves the queue what the shelf does not take.
func (s *Shelf) limit() {
	st, most := s.q.behind(), s.q.cfg.SpoolBytes
	if st == nil {
		return
	}
	if on := s.store(); on != nil {
		_, _, size := on.Waiting()
		most = max(most/shelfParts, most-size)
	}
	st.SetMax(most)
}

// Sync makes durable what was put on the shelf.
func (s *Shelf) Sync() {
	s.mu.Lock()
	st, last := s.st, s.last
	s.mu.Unlock()
	if st == nil {
		return
	}
	if err := st.Sync(); err != nil {
		s.q.spoolFailed(err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.st == st {
		s.synced = max(s.synced, last)
	}
}

// Safe reports whether a power cut would leave what Put has returned an ID for.
func (s *Shelf) Safe(id uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st == nil || s.synced >= id // an empty shelf has passed everything on
}

// Next returns the oldest block that was not given away; the same until that is. The error is io.EOF at the end of a round, which is
// what was on the shelf when the round began, and otherwise that of the disk.
func (s *Shelf) Next() (*Block, error) {
	st := s.store()
	if st == nil {
		return nil, io.EOF
	}
	if s.next.at > 0 {
		return &s.block, nil
	}
	if s.end == 0 {
		s.end = s.last
	}
	from := uint64(1)
	if n := len(s.given); n > 0 {
		from = s.given[n-1].record + 1
	}
	for {
		rec, err := st.Read(from, s.block.disk)
		s.q.damaged(st)
		switch {
		case errors.Is(err, io.EOF), err == nil && rec.ID > s.end:
			s.end = 0
			return nil, io.EOF
		case err != nil:
			s.fails(st, err)
			return nil, err
		}
		s.bad = time.Time{}
		s.block = Block{disk: rec.Data}
		s.next = next{at: rec.ID, lines: int64(rec.Lines)}
		if err := s.q.format.decode(&s.block, rec, 0); err != nil {
			s.q.lost(int64(rec.Lines), int64(len(rec.Data)), err)
			s.Gave(0)
			from = rec.ID + 1
			continue
		}
		return &s.block, nil
	}
}

func (s *Shelf) store() Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st
}

// Gave says where the lines of the block that Next has returned are now, besides those of PutAgain: in a block of the queue; zero
// stands for none.
func (s *Shelf) Gave(block uint64) {
	n := &s.next
	s.given = append(s.given, shelfGiven{record: n.at, block: block, again: n.again, lines: n.lines})
	s.copy(n.lines - n.back) // the others were counted when they were put
	s.next = next{}
}

// Settle removes from the shelf what is safe elsewhere. It closes an empty shelf.
func (s *Shelf) Settle() error {
	st := s.store()
	if st == nil {
		return nil
	}
	durable, n, lines := s.q.Durable(), 0, int64(0)
	for n < len(s.given) && s.given[n].block <= durable && s.Safe(s.given[n].again) {
		lines += s.given[n].lines
		n++
	}
	if n == 0 {
		return nil
	}
	err := st.Ack(s.given[n-1].record)
	s.given = s.given[n:]
	s.copy(-lines)
	if records, _, _ := st.Waiting(); records == 0 {
		err = errors.Join(err, s.leave(st))
	}
	s.limit()
	return err
}

// leave closes the shelf. What is on it is for the next process.
func (s *Shelf) leave(st Store) error {
	s.mu.Lock()
	s.st, s.copies = nil, 0
	s.mu.Unlock()
	s.next, s.end, s.given, s.bad = next{}, 0, nil, time.Time{}
	return st.Close()
}

// fails leaves a shelf that cannot be read for a while to later: it is adopted once it can be read.
func (s *Shelf) fails(st Store, err error) {
	s.q.spoolFailed(err)
	if s.bad.IsZero() {
		s.bad = time.Now()
	}
	if time.Since(s.bad) < readPatience {
		return
	}
	lines, _ := s.Waiting()
	s.q.count.abandoned.Add(lines)
	_ = s.leave(st) // its failure was logged
	s.limit()
}

// Waiting returns how many lines are on the shelf and nowhere else, and the size of its files.
func (s *Shelf) Waiting() (lines, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.st == nil {
		return 0, 0
	}
	_, lines, size = s.st.Waiting()
	return max(0, lines-s.copies), size
}

// close leaves what is on the shelf to the next process.
func (s *Shelf) close() error {
	s.Sync()
	err := s.Settle()
	if st := s.store(); st != nil {
		err = errors.Join(err, st.Close())
	}
	return err
}
