package session

import (
	"time"

	"github.com/spreadd/spreadd/internal/buf"
)

// Kind is the kind of a batch.
type Kind uint8

// The kinds of batches.
const (
	// Opened is the first batch of a session.
	Opened Kind = iota + 1
	// Messages is a batch with messages of the client.
	Messages
	// Gone is the last batch of a session. The client is not read any more.
	Gone
)

// Batch is what a session's reader passes to the owner.
type Batch struct {
	Session *Session
	Kind    Kind
	// Messages holds the messages of a batch of kind Messages: whole messages in little-endian byte
	// order with checked headers. They lie in one block, which the batch holds until Done. The
	// owner may remove from the front the messages that it has processed.
	Messages []buf.Slice
	// End is the reason in a batch of kind Gone. If it is SessionKill, the client's own request was
	// the last of its messages.
	End End

	block *buf.Block
	all   []buf.Slice // the memory of Messages, for the next use
	// answer, if not nil, gets nil when the owner has processed the batch, or the batch if the session
	// has to wait. There is room in it.
	answer chan *Batch
	wait   time.Duration
}

// Joins reports whether a batch has joins or leaves. The session sends nothing more until the owner
// has answered it, with [Batch.Done] or [Batch.Return].
func (b *Batch) Joins() bool { return b.answer != nil }

// Return gives a batch with joins or leaves back to its session, which sends its messages again after
// some time.
func (b *Batch) Return(after time.Duration) {
	b.wait = after
	b.answer <- b
}

// Done returns a batch. The owner calls it when it has processed the messages.
func (b *Batch) Done() {
	if b.block != nil {
		b.block.Release()
	}
	s, answer := b.Session.server, b.answer
	clear(b.all)
	*b = Batch{all: b.all[:0]}
	s.batches.Put(b)
	if answer != nil {
		answer <- nil
	}
}

// batch returns an empty batch.
func (s *Server) batch(sess *Session, kind Kind) *Batch {
	b, _ := s.batches.Get().(*Batch)
	if b == nil {
		b = &Batch{all: make([]buf.Slice, 0, batchMessages)}
	}
	b.Session, b.Kind = sess, kind
	return b
}

// send passes a batch to the owner and waits while the inbox is full. It reports false if the
// server is stopping.
func (s *Server) send(b *Batch) bool {
	select {
	case s.inbox <- b:
		s.cfg.Wake()
		return true
	case <-s.done:
		b.Done()
		return false
	}
}
