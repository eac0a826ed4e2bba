package logpub

import (
	"bytes"
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/spreadd/spreadd/logs/internal/spool"
)

const (
	// blockBytes is the size of a block: what a pipe holds, some 300 lines, and as
	// many as may be sent twice when a session ends.
	blockBytes = 64 << 10
	// minBlockBytes is the size of blocks in the smallest of queues.
	minBlockBytes = 512
	// maxSpare is how many empty blocks are kept for use.
	maxSpare = 4
)

// target is where lines go.
type target struct {
	groups []string
	stream uint32 // names it within the epoch
	next   uint64 // number of the next line; guarded by the queue's mutex
	count  *groupCount
}

// groupCount counts the lines of a target, or of several. It is guarded by the queue's mutex; nil counts nothing.
type groupCount struct {
	name         string
	lines, bytes int64
}

func (c *groupCount) add(lines, bytes int) {
	if c != nil {
		c.lines += int64(lines)
		c.bytes += int64(bytes)
	}
}

// run is a row of lines in a block that go to one target.
type run struct {
	n     int // bytes
	lines int
	to    *target
	// seq is the number of the first line, from 0, in the stream of the target. The lines
	// that were dropped on the way here have numbers too.
	seq uint64
}

// origin says who numbered the lines of a block: a publisher in one of its lives.
type origin struct {
	publisher string
	epoch     uint64
}

// block is some whole lines on their way.
type block struct {
	id     uint64 // they grow
	lines  []byte
	runs   []run
	origin origin
	born   time.Time // when its first line came

	// These are guarded by the queue's mutex.
	sealed bool // no more lines are added
	saved  bool // it is in the spool
	users  int  // who reads it: sender and saver

	disk []byte // what lines is a part of, if it came from the spool
}

func (b *block) count() (lines int) {
	for _, r := range b.runs {
		lines += r.lines
	}
	return lines
}

// queue stands between the readers and the sender. It holds whole lines in
// blocks, so that a line costs no memory but its bytes, and is bounded in
// bytes. With a spool behind it the blocks in memory are the newest ones, and the spool
// has those up to some ID, which may still be in memory as well:
//
//	      acked        evicted       saved
//	sent    │  on disk    │  on both   │   in memory
//	────────┼─────────────┼────────────┼───────────▶ IDs
//
// The sender goes through them by its cursor, wherever they are.
type queue struct {
	limit   int
	block   int           // size of a block, bar one line that is longer
	origin  origin        // of lines that are put
	wake    chan struct{} // something has come
	room    chan struct{} // something has gone
	unsaved chan struct{} // something may have to be saved
	drained chan struct{} // closed when there is nothing left and no more comes

	mu     sync.Mutex
	blocks []*block // oldest first; none is empty
	spare  []*block // empty
	size   int      // capacity of blocks
	next   uint64   // ID of the next block
	closed bool
	done   bool // drained is closed

	cursor uint64 // the sender goes on with the first block from here
	flying int    // blocks taken and not acknowledged
	acked  uint64 // up to here they are sent
	lost   uint64 // up to here they are sent or dropped

	// The rest is for the spool.
	store   store // nil without one
	saved   uint64
	forgot  uint64 // the spool has been told that it is sent or dropped
	evicted uint64
	disk    *block // what take has read from it

	marks ages

	onDamage func([]spool.Damage)
}

func newQueue(limit int) *queue {
	return &queue{
		limit:   limit,
		block:   min(blockBytes, max(limit/4, minBlockBytes)),
		wake:    make(chan struct{}, 1),
		room:    make(chan struct{}, 1),
		unsaved: make(chan struct{}, 1),
		drained: make(chan struct{}),
		next:    1,
		cursor:  1,
	}
}

// signal tells the receiver of a channel that has room for one signal.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // it has been told already
	}
}

// put appends whole lines for a target, as many as there is room for, and returns
// the rest.
func (q *queue) put(lines []byte, to *target) (rest []byte) {
	return q.putCounted(lines, bytes.Count(lines, []byte{'\n'}), to)
}

// putCounted is put for n lines.
func (q *queue) putCounted(lines []byte, n int, to *target) (rest []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	began := len(lines)
	for len(lines) > 0 {
		b := q.open()
		size := 0
		if b != nil {
			size = fits(lines, cap(b.lines)-len(b.lines))
		}
		if size == 0 {
			if !q.newBlock(max(q.block, bytes.IndexByte(lines, '\n')+1)) {
				break
			}
			continue
		}
		// Counting costs as much as copying: only the smaller part is.
		count := n
		switch {
		case size == len(lines):
		case size <= len(lines)/2:
			count = bytes.Count(lines[:size], []byte{'\n'})
		default:
			count -= bytes.Count(lines[size:], []byte{'\n'})
		}
		b.add(lines[:size], count, to)
		lines, n = lines[size:], n-count
	}
	if len(lines) < began {
		signal(q.wake)
		if q.store != nil {
			signal(q.unsaved)
		}
	}
	return lines
}

// open returns the block to which lines may be added, or nil.
func (q *queue) open() *block {
	if last := len(q.blocks) - 1; last >= 0 && !q.blocks[last].sealed {
		return q.blocks[last]
	}
	return nil
}

// add appends n lines, for which there is room.
func (b *block) add(lines []byte, n int, to *target) {
	b.lines = append(b.lines, lines...)
	seq := to.next
	to.next += uint64(n)
	to.count.add(n, len(lines))
	if last := len(b.runs) - 1; last >= 0 {
		// Lines that were dropped in between have left a gap.
		if r := &b.runs[last]; r.to == to && r.seq+uint64(r.lines) == seq {
			r.n += len(lines)
			r.lines += n
			return
		}
	}
	b.runs = append(b.runs, run{n: len(lines), lines: n, to: to, seq: seq})
}

// skip gives numbers to lines that were dropped, so that who receives the others
// sees the gap.
func (q *queue) skip(to *target, lines, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	to.next += uint64(lines)
	to.count.add(lines, bytes)
}

// fits returns how many bytes of lines are whole lines and fit into room bytes.
func fits(lines []byte, room int) int {
	if len(lines) <= room {
		return len(lines)
	}
	return bytes.LastIndexByte(lines[:room], '\n') + 1
}

// newBlock appends an empty block for n bytes, unless the queue is full.
// One block is always granted, or a limit below a line's length would let
// nothing pass.
func (q *queue) newBlock(n int) bool {
	for q.size > 0 && q.size+n > q.limit {
		if !q.evict() {
			return false
		}
	}
	var b *block
	if last := len(q.spare) - 1; last >= 0 && n == q.block {
		b = q.spare[last]
		q.spare = q.spare[:last]
	} else {
		b = &block{lines: make([]byte, 0, n)}
	}
	b.id, b.born, b.origin = q.next, time.Now(), q.origin
	q.next++
	q.size += cap(b.lines)
	q.blocks = append(q.blocks, b)
	return true
}

// evict forgets the oldest block that is saved and nobody reads.
func (q *queue) evict() bool {
	for i, b := range q.blocks {
		if !b.saved {
			break
		}
		if b.users == 0 {
			q.evicted = max(q.evicted, b.id)
			q.marks.add(b.id, b.born)
			q.remove(i, 1)
			return true
		}
	}
	return false
}

// remove takes blocks out of memory.
func (q *queue) remove(i, n int) {
	for _, b := range q.blocks[i : i+n] {
		q.size -= cap(b.lines)
		if b.users == 0 && cap(b.lines) == q.block && len(q.spare) < maxSpare {
			clear(b.runs)
			*b = block{lines: b.lines[:0], runs: b.runs[:0]}
			q.spare = append(q.spare, b)
		}
	}
	q.blocks = slices.Delete(q.blocks, i, i+n)
}

// find returns the index of the first block in memory whose ID is at least id.
func (q *queue) find(id uint64) int {
	i, _ := slices.BinarySearchFunc(q.blocks, id, func(b *block, id uint64) int { return cmp.Compare(b.id, id) })
	return i
}

// take returns the block at the cursor, or nil, and moves on. The block stays as it is until it is
// let go; before that there must be no other take. The error is that of reading the spool; then
// nothing has moved.
func (q *queue) take() (*block, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.store != nil {
		if b, err := q.takeSaved(); b != nil || err != nil {
			return b, err
		}
	}
	i := q.find(q.cursor)
	if i == len(q.blocks) {
		return nil, nil
	}
	b := q.blocks[i]
	b.sealed = true
	b.users++
	q.cursor = b.id + 1
	q.flying++
	return b, nil
}

// few tells whether there is something to be taken, but less than a block.
func (q *queue) few() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.cursor <= q.evicted {
		return false
	}
	i := q.find(q.cursor)
	return i == len(q.blocks)-1 && len(q.blocks[i].lines) < q.block/2
}

// letGo says that the sender no longer reads a block.
func (q *queue) letGo(b *block) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b.users--
}

// rewind has the sender begin again with what is not acknowledged.
func (q *queue) rewind() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.cursor, q.flying = q.lost+1, 0
	for i := 0; i < len(q.blocks) && q.blocks[i].id <= q.lost; {
		if q.blocks[i].users > 0 {
			i++
			continue
		}
		q.remove(i, 1) // was dropped while it was under way
	}
	q.checkDrained()
}

// ack says that a block has been sent, and all before it. It tells whether its lines had
// been counted as dropped before. The error is that of noting it in the spool, which changes
// nothing for this process.
func (q *queue) ack(id uint64) (dropped bool, err error) {
	q.mu.Lock()
	dropped = id <= q.lost
	q.flying--
	q.acked = max(q.acked, id)
	q.lost = max(q.lost, id)
	q.remove(0, q.find(id+1))
	if q.lost >= q.evicted {
		q.marks.clear()
	} else {
		q.marks.forget(q.lost)
	}
	signal(q.room)
	var st store
	upTo := min(id, q.saved)
	if upTo > q.forgot {
		q.forgot, st = upTo, q.store
	}
	q.checkDrained()
	q.mu.Unlock()
	if st != nil {
		err = st.Ack(upTo)
		signal(q.unsaved) // there may be room again
	}
	return dropped, err
}

// close says that no more lines come.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.checkDrained()
}

// checkDrained needs q.mu.
func (q *queue) checkDrained() {
	if q.closed && !q.done && len(q.blocks) == 0 && q.flying == 0 && (q.store == nil || q.cursor > q.evicted) {
		q.done = true
		close(q.drained)
	}
}

// dropOldest drops the oldest block of which nobody has begun to make anything, and returns how much
// it was; nothing if there is none.
func (q *queue) dropOldest() (lines, bytes int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, b := range q.blocks {
		if b.users == 0 && !b.saved && b.id >= q.cursor {
			lines, bytes = int64(b.count()), int64(len(b.lines))
			q.remove(i, 1)
			return lines, bytes
		}
	}
	return 0, 0
}

// discard removes what is in memory, and returns how much of it is neither sent nor
// saved.
func (q *queue) discard() (lines, bytes int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range q.blocks {
		if !b.saved {
			lines += int64(b.count())
			bytes += int64(len(b.lines))
		}
	}
	q.blocks, q.size = nil, 0
	return lines, bytes
}

// safe returns an ID up to which blocks are sent, saved or dropped.
func (q *queue) safe() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range q.blocks {
		if !b.saved {
			return b.id - 1
		}
	}
	return q.next - 1
}

// mark returns the ID of the block that has the line that came last.
func (q *queue) mark() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.next - 1
}
