package buf

import (
	"sync"
	"sync/atomic"
)

// Block sizes in bytes. A session that sends little reads into the smallest; one that fills its
// block moves on to the next. The largest holds any message that a client may send.
const (
	Small  = 4 << 10
	Medium = 64 << 10
	Large  = 256 << 10
)

var classes = [...]int{Small, Medium, Large}

// Block is a piece of memory with a reference count.
type Block struct {
	mem  []byte
	refs atomic.Int32
	pool *Pool // nil for a wrapped block, which the garbage collector frees
	cls  int
}

// Bytes returns the whole block.
func (b *Block) Bytes() []byte { return b.mem }

// Retain adds a reference.
func (b *Block) Retain() {
	if b.refs.Add(1) <= 1 {
		panic("buf: a free block was retained")
	}
}

// Release drops a reference. Dropping the last one frees the block.
func (b *Block) Release() {
	switch n := b.refs.Add(-1); {
	case n > 0:
	case n < 0:
		panic("buf: a free block was released")
	case b.pool != nil:
		b.pool.put(b)
	}
}

// Refs returns the number of references. If it is 1, the caller has the only one.
func (b *Block) Refs() int { return int(b.refs.Load()) }

// Wrap makes a block of existing memory, with one reference. It is for messages that are built
// rarely, such as membership messages.
func Wrap(mem []byte) *Block {
	b := &Block{mem: mem}
	b.refs.Store(1)
	return b
}

// Pool keeps free blocks of each size. The zero value is ready for use, and all methods may be
// called concurrently.
type Pool struct {
	// Poison overwrites blocks that become free, so that a late reader sees garbage. Under the race
	// detector all pools do that. Set it before using the pool.
	Poison bool

	free [len(classes)]sync.Pool
	out  [len(classes)]atomic.Int64
}

// Get returns a block of at least n bytes with one reference. A block larger than [Large] is not
// pooled.
func (p *Pool) Get(n int) *Block {
	cls := 0
	for cls < len(classes) && classes[cls] < n {
		cls++
	}
	if cls == len(classes) {
		return Wrap(make([]byte, n))
	}
	p.out[cls].Add(1)
	b, _ := p.free[cls].Get().(*Block)
	if b == nil {
		b = &Block{mem: make([]byte, classes[cls]), pool: p, cls: cls}
	}
	b.refs.Store(1)
	return b
}

// Out returns the number of pooled blocks in use. A test that ends with more than it began with has
// leaked one.
func (p *Pool) Out() (n int) {
	for cls := range classes {
		n += int(p.out[cls].Load())
	}
	return n
}

// OutBytes returns the size of the pooled blocks in use.
func (p *Pool) OutBytes() (n int64) {
	for cls, size := range classes {
		n += p.out[cls].Load() * int64(size)
	}
	return n
}

// Pooled reports whether a block counts in [Pool.OutBytes] of its pool.
func (b *Block) Pooled() bool { return b.pool != nil }

func (p *Pool) put(b *Block) {
	p.out[b.cls].Add(-1)
	if p.Poison || raceEnabled {
		poison(b.mem)
	}
	p.free[b.cls].Put(b)
}

// Slice is a part of a block: the bytes from Lo up to Hi.
type Slice struct {
	Block  *Block
	Lo, Hi int
}

// Bytes returns the bytes of the slice, without room to append.
func (s Slice) Bytes() []byte { return s.Block.mem[s.Lo:s.Hi:s.Hi] }

// Len returns the number of bytes.
func (s Slice) Len() int { return s.Hi - s.Lo }
