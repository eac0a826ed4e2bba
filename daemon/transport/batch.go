package transport

import (
	"net/netip"

	"github.com/spreadd/spreadd/internal/buf"
)

const (
	// BatchItems bounds the datagrams of a batch. With more of them neither the system call nor the
	// hand-over becomes cheaper, and tokens would wait longer.
	BatchItems = 32

	// packetSlot is the space for a packet. It is a multiple of the cache line but not a power of
	// two, so that the headers of neighboring packets do not compete for the same cache lines. It
	// is longer than [MaxPacket], so that packets that are too long can be detected.
	packetSlot = 1536
	// packetsPerBlock is the number of packets in a medium block.
	packetsPerBlock = buf.Medium / packetSlot // 42
	// tokenSlot holds any datagram.
	tokenSlot = buf.Medium

	// dataBatches bounds the packets that wait for the owner: 2048 of them, 3 MiB. Later packets
	// wait in the kernel's buffer.
	dataBatches = 64
	// tokenBatches bounds the tokens that wait for the owner, one in a batch. There is one token,
	// and its retransmissions.
	tokenBatches = 8
)

// Item is one datagram received.
type Item struct {
	// Data is the datagram. It is valid until [Datagrams.Done]; to keep it longer, retain its
	// block.
	Data buf.Slice
	// From is the source address, without a zone. Remove the zones of configured addresses before
	// you compare them with it.
	From netip.Addr
}

// Datagrams is a batch of datagrams from one socket, in the order of their arrival.
type Datagrams struct {
	// Items has at least one item, unless a [Sealer] has refused them. The owner may change it.
	Items []Item
	// Token is true for datagrams from a token port.
	Token bool

	home   *queue
	blocks [2]*buf.Block
	store  [BatchItems]Item
}

// Done returns the batch and releases its blocks. The receiver of the batch calls it once and does
// not touch the batch after that.
func (b *Datagrams) Done() {
	for i, blk := range b.blocks {
		if blk != nil {
			blk.Release()
			b.blocks[i] = nil
		}
	}
	b.Items = b.store[:0]
	b.home.free <- b // It has room for all.
}

// hold passes a reference to a block to the batch.
func (b *Datagrams) hold(blk *buf.Block) {
	if b.blocks[0] == nil {
		b.blocks[0] = blk
	} else {
		b.blocks[1] = blk
	}
}

// queue lies between the sockets of a port and the owner. The number of batches bounds it: a reader
// that gets no empty batch does not read, so a batch that is ready always has room.
type queue struct {
	free, ready chan *Datagrams
}

func newQueue(batches int, token bool) *queue {
	q := &queue{make(chan *Datagrams, batches), make(chan *Datagrams, batches)}
	for range batches {
		b := &Datagrams{home: q, Token: token}
		b.Items = b.store[:0]
		q.free <- b
	}
	return q
}

// take returns a batch that is ready, or nil.
func (q *queue) take() *Datagrams {
	select {
	case b := <-q.ready:
		return b
	default:
		return nil
	}
}

// empty returns a batch to fill, or nil.
func (q *queue) empty() *Datagrams {
	select {
	case b := <-q.free:
		return b
	default:
		return nil
	}
}

// drain returns the batches that nobody will take.
func (q *queue) drain() {
	for b := q.take(); b != nil; b = q.take() {
		b.Done()
	}
}

// slab is a sequence of slots to receive datagrams into, in pooled blocks. Slots are used one after
// the other, whichever batch they go to, so a block is full before the next one is begun. The slab
// holds a reference to its blocks, and each batch holds one to each block of which it has a slot.
type slab struct {
	pool   *buf.Pool
	slot   int           // bytes in a slot
	per    int           // slots in a block
	used   int           // slots used in blocks[0], fewer than per
	blocks [2]*buf.Block // the one in use and the next
}

func newSlab(pool *buf.Pool, slot, per int) slab {
	return slab{pool: pool, slot: slot, per: per, blocks: [2]*buf.Block{pool.Get(slot * per), pool.Get(slot * per)}}
}

// at returns the i-th unused slot. There are at least per of them.
func (s *slab) at(i int) buf.Slice {
	i += s.used
	if i < s.per {
		return buf.Slice{Block: s.blocks[0], Lo: i * s.slot, Hi: (i + 1) * s.slot}
	}
	i -= s.per
	return buf.Slice{Block: s.blocks[1], Lo: i * s.slot, Hi: (i + 1) * s.slot}
}

// give passes the first n unused slots, at most per, to the batch.
func (s *slab) give(n int, b *Datagrams) {
	s.used += n
	if s.used < s.per {
		s.blocks[0].Retain()
		b.hold(s.blocks[0])
		return
	}
	b.hold(s.blocks[0]) // The slab passes its own reference on.
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
