package transport

import (
	"net/netip"

	"github.com/spreadd/spreadd/internal/buf"
)

const (
	// BatchItems bounds the datagrams of a batch. Beyond it neither the system
	// call nor the hand-over becomes cheaper, and tokens would wait longer.
	BatchItems = 32

	// packetSlot is the room for a packet: a multiple of the cache line that
	// is no power of two, so that the headers of neighbours do not compete
	// for the same lines. It is longer than [MaxPacket], which shows packets
	// that are too long.
	packetSlot = 1536
	// packetsPerBlock is how many fit in a medium block.
	packetsPerBlock = buf.Medium / packetSlot // 42
	// tokenSlot holds any datagram.
	tokenSlot = buf.Medium

	// dataBatches bounds what waits for the owner: 2048 packets, 3 MiB. What
	// comes after that waits in the kernel's buffer.
	dataBatches = 64
	// tokenBatches does so for tokens, one in a batch. There is one token, and its
	// repetitions.
	tokenBatches = 8
)

// Item is one datagram received.
type Item struct {
	// Data is the datagram. It is valid until [Batch.Done]; to keep it, retain
	// its block.
	Data buf.Slice
	// From is its source, without a zone. For a comparison with configured
	// addresses take their zones off.
	From netip.Addr
}

// Batch is a number of datagrams from one socket, in the order of their arrival.
type Batch struct {
	// Items has at least one item. It may be changed.
	Items []Item
	// Token says that they came to a token port.
	Token bool

	home   *queue
	blocks [2]*buf.Block
	store  [BatchItems]Item
}

// Done gives the batch and its references back. It is called once, by whoever
// received the batch, who does not touch it after that.
func (b *Batch) Done() {
	for i, blk := range b.blocks {
		if blk != nil {
			blk.Release()
			b.blocks[i] = nil
		}
	}
	b.Items = b.store[:0]
	b.home.free <- b // there is room for all
}

// hold gives a reference to a block to the batch.
func (b *Batch) hold(blk *buf.Block) {
	if b.blocks[0] == nil {
		b.blocks[0] = blk
	} else {
		b.blocks[1] = blk
	}
}

// queue is what lies between the sockets of a port and the owner. The number of
// batches bounds it: who has none does not read, so what is ready always has room.
type queue struct {
	free, ready chan *Batch
}

func newQueue(batches int, token bool) *queue {
	q := &queue{make(chan *Batch, batches), make(chan *Batch, batches)}
	for range batches {
		b := &Batch{home: q, Token: token}
		b.Items = b.store[:0]
		q.free <- b
	}
	return q
}

// take returns a batch that is ready, or nil.
func (q *queue) take() *Batch {
	select {
	case b := <-q.ready:
		return b
	default:
		return nil
	}
}

// empty returns a batch to be filled, or nil.
func (q *queue) empty() *Batch {
	select {
	case b := <-q.free:
		return b
	default:
		return nil
	}
}

// drain gives back what nobody will take.
func (q *queue) drain() {
	for b := q.take(); b != nil; b = q.take() {
		b.Done()
	}
}

// slab is a row of slots that datagrams are received into, in pooled blocks. Slots
// are used one after the other, whatever batch they come to, so a block is full before the
// next one is begun. The slab holds a reference to its blocks, and each batch one to
// each block that it has a slot of.
type slab struct {
	pool   *buf.Pool
	slot   int           // bytes of a slot
	per    int           // slots of a block
	used   int           // of blocks[0]; less than per
	blocks [2]*buf.Block // the one in use and the next
}

func newSlab(pool *buf.Pool, slot, per int) slab {
	return slab{pool: pool, slot: slot, per: per, blocks: [2]*buf.Block{pool.Get(slot * per), pool.Get(slot * per)}}
}

// at returns the i-th unused slot, of which there are at least per.
func (s *slab) at(i int) buf.Slice {
	i += s.used
	if i < s.per {
		return buf.Slice{Block: s.blocks[0], Lo: i * s.slot, Hi: (i + 1) * s.slot}
	}
	i -= s.per
	return buf.Slice{Block: s.blocks[1], Lo: i * s.slot, Hi: (i + 1) * s.slot}
}

// give makes the first n unused slots the batch's, which may be up to per.
func (s *slab) give(n int, b *Batch) {
	s.used += n
	if s.used < s.per {
		s.blocks[0].Retain()
		b.hold(s.blocks[0])
		return
	}
	b.hold(s.blocks[0]) // with the slab's own reference
	s.used -= s.per
	s.blocks[0], s.blocks[1] = s.blocks[1], s.pool.Get(s.slot*s.per)
	if s.used > 0 {
		s.blocks[0].Retain()
		b.hold(s.blocks[0])
	}
}

func (s *slab) release() {
	for i, blk := range s.blocks {
		blk.Release()
		s.blocks[i] = nil
	}
}
