package logpub

import (
	"bytes"
	"slices"
	"sync"
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

// queue stands between the reader and the sender. It holds whole lines in
// blocks, so that a line costs no memory but its bytes. It is bounded in
// bytes.
type queue struct {
	limit   int
	block   int           // size of a block, bar one line that is longer
	wake    chan struct{} // something has come
	room    chan struct{} // something has gone
	drained chan struct{} // closed when there is nothing left and no more comes

	mu     sync.Mutex
	blocks [][]byte // oldest first; none is empty
	taken  []byte   // by the sender, of which there is one; nil if none is
	spare  [][]byte // empty
	size   int      // capacity of blocks and taken
	closed bool
}

func newQueue(limit int) *queue {
	return &queue{
		limit:   limit,
		block:   min(blockBytes, max(limit/4, minBlockBytes)),
		wake:    make(chan struct{}, 1),
		room:    make(chan struct{}, 1),
		drained: make(chan struct{}),
	}
}

// signal tells the receiver of a channel that has room for one signal.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // it has been told already
	}
}

// put appends whole lines, as many as there is room for, and returns the rest.
func (q *queue) put(lines []byte) (rest []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	began := len(lines)
	for len(lines) > 0 {
		n := 0
		last := len(q.blocks) - 1
		if last >= 0 {
			b := q.blocks[last]
			n = fits(lines, cap(b)-len(b))
		}
		if n == 0 {
			b, ok := q.newBlock(bytes.IndexByte(lines, '\n') + 1)
			if !ok {
				break
			}
			q.blocks = append(q.blocks, b)
			continue
		}
		q.blocks[last] = append(q.blocks[last], lines[:n]...)
		lines = lines[n:]
	}
	if len(lines) < began {
		signal(q.wake)
	}
	return lines
}

// fits returns how many bytes of lines are whole lines and fit into room bytes.
func fits(lines []byte, room int) int {
	if len(lines) <= room {
		return len(lines)
	}
	return bytes.LastIndexByte(lines[:room], '\n') + 1
}

// newBlock returns an empty block for a line of n bytes, unless the queue is full.
// One block is always granted, or a limit below a line's length would let
// nothing pass.
func (q *queue) newBlock(n int) ([]byte, bool) {
	n = max(n, q.block)
	if q.size > 0 && q.size+n > q.limit {
		return nil, false
	}
	var b []byte
	if last := len(q.spare) - 1; last >= 0 && n == q.block {
		b = q.spare[last]
		q.spare = q.spare[:last]
	} else {
		b = make([]byte, 0, n)
	}
	q.size += cap(b)
	return b, true
}

// take returns the oldest block, or nil. It stays the queue's until it is
// released; before that there must be no other take.
func (q *queue) take() []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.blocks) == 0 {
		return nil
	}
	q.taken = q.blocks[0]
	q.blocks = slices.Delete(q.blocks, 0, 1)
	return q.taken
}

// release gives back the block that was taken: its lines have been sent.
func (q *queue) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.size -= cap(q.taken)
	if cap(q.taken) == q.block && len(q.spare) < maxSpare {
		q.spare = append(q.spare, q.taken[:0])
	}
	q.taken = nil
	signal(q.room)
	q.checkDrained()
}

// close says that no more lines come.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.checkDrained()
}

// checkDrained needs q.mu. After close no block comes, so it finds the end
// once: either in close or in the release of the last block.
func (q *queue) checkDrained() {
	if q.closed && len(q.blocks) == 0 && q.taken == nil {
		close(q.drained)
	}
}

// left counts the lines in the queue, and in the block that was taken.
func (q *queue) left() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := bytes.Count(q.taken, []byte{'\n'})
	for _, b := range q.blocks {
		n += bytes.Count(b, []byte{'\n'})
	}
	return n
}
