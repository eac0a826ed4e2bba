package session

import (
	"log/slog"
	"net"
	"sync/atomic"

	"github.com/spreadd/spreadd/internal/buf"
	"github.com/spreadd/spreadd/wire"
)

// Session is one client's connection after its handshake.
type Session struct {
	server      *Server
	conn        net.Conn
	id          ID
	name        string        // private name
	group       wire.Name     // "#name#daemon"
	memberships bool          // whether the client wants membership messages
	dropped     atomic.Uint32 // the End of the session, or 0
	out         output
}

// ID returns the number of the session.
func (s *Session) ID() ID { return s.id }

// Group returns the private group, "#name#daemon".
func (s *Session) Group() wire.Name { return s.group }

// Memberships reports whether the client wants membership messages.
func (s *Session) Memberships() bool { return s.memberships }

// announce reports the session to the owner. It returns false if the server is stopping.
func (s *Session) announce() bool {
	b := s.server.batch(s, Opened)
	return s.server.send(b)
}

// run is the life of a session after its handshake. It sends the accept message, starts the writer,
// and reads until the end.
func (s *Session) run(accept []byte) {
	end := SessionClosed
	if _, err := s.conn.Write(accept); err == nil {
		s.server.running.Go(s.out.write)
		r := reader{session: s}
		end = r.run()
	} else {
		s.out.abandon()
	}
	// If the owner has dropped the session, its End is set already.
	if s.Drop(end) && end != SessionKill {
		s.server.cfg.Log.Debug("session ended", slog.String("session", s.group.String()), slog.String("reason", end.String()))
	}
	b := s.server.batch(s, Gone)
	b.End = End(s.dropped.Load())
	s.server.send(b)
}

// Drop ends the connection: nothing is read from the client or written to it any more, and what is
// queued is discarded. Only the first call has an effect and returns true. The name stays taken
// until [Server.End].
func (s *Session) Drop(end End) bool {
	if !s.dropped.CompareAndSwap(0, uint32(end)) {
		return false
	}
	s.server.ended(end, s.conn)
	s.out.close()
	// A client that has requested its disconnect may wait for the close as a sign that the
	// disconnect has its place in the order. Server.End closes the connection then.
	if end != SessionKill {
		_ = s.conn.Close()
	}
	return true
}

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
}

// Done returns a batch. The owner calls it when it has processed the messages.
func (b *Batch) Done() {
	if b.block != nil {
		b.block.Release()
	}
	s := b.Session.server
	clear(b.all)
	*b = Batch{all: b.all[:0]}
	s.batches.Put(b)
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
