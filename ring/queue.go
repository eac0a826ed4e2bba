package ring

import "github.com/spreadd/spreadd/wire"

// queue is messages that wait to be sent, first come first served. It holds a
// reference to the block of each.
type queue struct {
	list []Message
	head int // of list: the next message
	// sent is how many bytes of the next message are in packets already.
	sent int
}

func (q *queue) len() int { return len(q.list) - q.head }

// push adds a message whose block the caller has retained. Room before the
// head is used again rather than let the list grow.
func (q *queue) push(m Message) {
	if len(q.list) == cap(q.list) && q.head > len(q.list)/2 {
		n := copy(q.list, q.list[q.head:])
		clear(q.list[n:])
		q.list, q.head = q.list[:n], 0
	}
	q.list = append(q.list, m)
}

// peek returns the next message; there is one.
func (q *queue) peek() *Message { return &q.list[q.head] }

// pop removes the next message, and leaves the reference to its block to the
// caller.
func (q *queue) pop() Message {
	m := q.list[q.head]
	q.list[q.head] = Message{}
	q.head++
	q.sent = 0
	if q.head == len(q.list) {
		q.list, q.head = q.list[:0], 0
	}
	return m
}

// fragment returns the next fragment of the next message: its header, and where
// it lies in the message (ring-protocol §7.1).
func (q *queue) fragment() (h wire.FragmentHeader, lo, hi int) {
	size := q.peek().Data.Len()
	lo = q.sent
	hi = min(size, lo+FragmentBytes)
	index := int16(lo/FragmentBytes + 1)
	if hi == size {
		index = -index
	}
	return wire.FragmentHeader{Index: index, Len: int16(hi - lo)}, lo, hi
}

// again takes back what was sent of a message that is not sent whole
// (ring-protocol §17.6).
func (q *queue) again() { q.sent = 0 }

// cut drops all but the first n messages.
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
