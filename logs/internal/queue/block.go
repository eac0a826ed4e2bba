package queue

import (
	"cmp"
	"slices"
	"time"
)

// maxSpare is how many empty blocks are kept for reuse.
const maxSpare = 4

// Block is a row of lines. It is what the queue holds in memory, writes to the spool and hands out.
type Block struct {
	Lines  int    // how many there are
	Data   []byte // the lines, in the queue's format
	Runs   []Run  // where the lines go; only in a queue of [Config.Lines]
	Origin Origin // who numbered the lines; only in a queue of [Config.Lines]

	first, last uint64    // IDs of its first and last line
	skip        int       // lines at its start that an earlier process has delivered
	born        time.Time // when its first line came; zero if that is not known
	disk        []byte    // the buffer it was read into, if it came from the spool

	// The queue's mutex guards the rest.

	cost   int  // bytes that it counts for
	sealed bool // no more lines are added
	saved  bool // the spool has it
	gone   bool // memory no longer lists it
	users  int  // how many of taker and saver are reading it
}

// ID is that of the block's last line. IDs grow from block to block.
func (b *Block) ID() uint64 { return b.last }

// waiting returns how many lines behind the ID done a block has, and how many of these their sources keep,
// with the bytes of the runs that these are in.
func (b *Block) waiting(done uint64) (lines, kept, keptBytes int64) {
	id := b.first - 1
	lines = int64(b.last - max(id, min(done, b.last)))
	for _, r := range b.Runs {
		last := id + uint64(r.Lines)
		if r.Kept && last > done {
			kept += int64(last - max(id, done))
			keptBytes += int64(r.Bytes)
		}
		id = last
	}
	return lines, kept, keptBytes
}

// memory lists the newest blocks. All of its methods need the queue's mutex.
type memory struct {
	limit  int      // bytes
	common int      // capacity of most blocks; 0 means that blocks grow as they are filled
	blocks []*Block // oldest first; none is empty
	spare  []*Block // empty, for reuse
	size   int      // sum of the blocks' costs
}

// open returns the block to which lines may be added, or nil.
func (m *memory) open() *Block {
	if last := len(m.blocks) - 1; last >= 0 && !m.blocks[last].sealed {
		return m.blocks[last]
	}
	return nil
}

// unsaved returns the oldest block that the spool does not have, or nil.
func (m *memory) unsaved() *Block {
	for _, b := range m.blocks {
		if !b.saved {
			return b
		}
	}
	return nil
}

// find returns the index of the first block that has a line with an ID of at least id.
func (m *memory) find(id uint64) int {
	i, _ := slices.BinarySearchFunc(m.blocks, id, func(b *Block, id uint64) int { return cmp.Compare(b.last, id) })
	return i
}

// add appends an empty block with a buffer of at least capacity bytes. It counts for cost bytes.
func (m *memory) add(capacity, cost int) *Block {
	b := &Block{}
	if last := len(m.spare) - 1; last >= 0 && capacity == m.common {
		b = m.spare[last]
		m.spare = m.spare[:last]
	} else if capacity > 0 {
		b.Data = make([]byte, 0, capacity)
	}
	b.cost = cost
	m.size += cost
	m.blocks = append(m.blocks, b)
	return b
}

// remove takes n blocks from index i on out of the list.
func (m *memory) remove(i, n int) {
	for _, b := range m.blocks[i : i+n] {
		m.size -= b.cost
		b.gone = true
		m.recycle(b)
	}
	m.blocks = slices.Delete(m.blocks, i, i+n)
}

// letGo ends a use of a block.
func (m *memory) letGo(b *Block) {
	b.users--
	m.recycle(b)
}

// recycle keeps a block for reuse, if nobody needs it and its buffer is of common size.
func (m *memory) recycle(b *Block) {
	fits := cap(b.Data) == m.common || m.common == 0 && cap(b.Data) <= 4*DefaultBatchBytes
	if !b.gone || b.users > 0 || !fits || len(m.spare) == maxSpare {
		return
	}
	clear(b.Runs)
	*b = Block{Data: b.Data[:0], Runs: b.Runs[:0]}
	m.spare = append(m.spare, b)
}
