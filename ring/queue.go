package ring

import "github.com/spreadd/spreadd/wire"

// queue holds messages that wait to be sent, in FIFO order. It holds a reference to the block of
// each.
type queue struct {
	list []Message
	head int // of list: the next message
	// sent is how many bytes of the next message are already in packets, as fragments.
	sent, fragments int
}

func (q *queue) len() int { return len(q.list) - q.head }

// push adds a message whose block the caller has retained. It reuses the room before the head
// rather than let the list grow.
func (q *queue) push(m Message) {
	if len(q.list) == cap(q.list) && q.head > len(q.list)/2 {
		n := copy(q.list, q.list[q.head:])
		clear(q.list[n:])
		q.list, q.head = q.list[:n], 0
	}
	q.list = append(q.list, m)
}

// peek returns the next message. The queue must not be empty.
func (q *queue) peek() *Message { return &q.list[q.head] }

// pop removes the next message and passes the reference to its block to the caller.
func (q *queue) pop() Message {
	m := q.list[q.head]
	q.list[q.head] = Message{}
	q.head++
	q.again()
	if q.head == len(q.list) {
		q.list, q.head = q.list[:0], 0
	}
	return m
}

// fragment returns the header of the next fragment of the next message, which has up to room bytes,
// and its range in the message (ring-protocol §7.1).
func (q *queue) fragment(room int) (h wire.FragmentHeader, lo, hi int) {
	size := q.peek().Data.Len()
	lo = q.sent
	hi = min(size, lo+room)
	index := int16(q.fragments + 1)
	if hi == size {
		index = -index
	}
	return wire.FragmentHeader{Index: index, Len: int16(hi - lo)}, lo, hi
}

// again restarts a message that was sent in part (ring-protocol §17.6).
func (q *queue) again() { q.sent, q.fragments = 0, 0 }

// take notes that the next message is in packets up to hi.
func (q *queue) take(hi int) {
	q.sent = hi
	q.fragments++
}

// cut drops all messages after the first n.
func (q *queue) cut(n int, out *Effects) {
	if n == 0 {
		q.again()
	}
	for q.len() > n {
		last := len(q.list) - 1
		out.release(q.list[last].Data.Block)
		q.list[last] = Message{}
		q.list = q.list[:last]
	}
}
