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
	name        string    // private name
	group       wire.Name // "#name#daemon"
	memberships bool
	dropped     atomic.Uint32 // the End of the session, once it has been dropped
	out         output
}

// ID returns the number of the session.
func (s *Session) ID() ID { return s.id }

// Group returns the private group, "#name#daemon".
func (s *Session) Group() wire.Name { return s.group }

// Memberships reports whether the client asked for membership messages.
func (s *Session) Memberships() bool { return s.memberships }

// announce tells the owner of the session. It reports false if the server
// stops.
func (s *Session) announce() bool {
	b := s.server.batch(s, Opened)
	return s.server.send(b)
}

// run is the life of a session behind its handshake: it sends the accept
// message, starts the writer, and reads until the end.
func (s *Session) run(accept []byte) {
	end := SessionClosed
	if _, err := s.conn.Write(accept); err == nil {
		s.server.running.Go(s.out.write)
		r := reader{session: s}
		end = r.run()
	} else {
		s.out.abandon()
	}
	// A session that the owner has dropped already has its reason.
	if s.Drop(end) && end != SessionKill {
		s.server.cfg.Log.Debug("session ends", slog.String("session", s.group.String()), slog.String("reason", end.String()))
	}
	b := s.server.batch(s, Gone)
	b.End = End(s.dropped.Load())
	s.server.send(b)
}

// Drop ends the connection: the client is neither read nor written any more,
// and what is queued for it is discarded. Only the first call has an effect, and
// returns true. The name stays taken until [Server.End].
func (s *Session) Drop(end End) bool {
	if !s.dropped.CompareAndSwap(0, uint32(end)) {
		return false
	}
	s.server.ended(end, s.conn)
	s.out.close()
	// A client that has asked for its end may still wait for the close as a
	// sign that it has been ordered; it gets it from Server.End.
	if end != SessionKill {
		_ = s.conn.Close()
	}
	return true
}

// Kind says what a batch is.
type Kind uint8

// The kinds of batches.
const (
	// Opened: the session is there.
	Opened Kind = iota + 1
	// Messages: the client has sent something.
	Messages
	// Gone: the client is read no more; nothing follows.
	Gone
)

// Batch is what a session's reader hands to the owner.
type Batch struct {
	Session *Session
	Kind    Kind
	// Messages, of kind Messages: whole messages in little-endian order with
	// their headers checked. They lie in one block, which the batch holds
	// until Done.
	// The owner may cut those off the front that it is through with.
	Messages []buf.Slice
	// End, of kind Gone: why. If it is SessionKill, the client's own request
	// was the last of its messages.
	End End

	block *buf.Block
	all   []buf.Slice // Messages as they were made, for the next use
}

// Done gives a batch back. The owner calls it when it is through with its
// messages.
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

// send hands a batch to the owner, waiting while its inbox is full. It reports
// false if the server stops.
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
